/* The firmware behind a device that is really there: LD_PRELOAD this. The device is opened by the kernel, with
 * all its permissions; only the question put through it is answered here, as a Pi at 48.3 degrees would. */
#define _GNU_SOURCE
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SIZE, STATUS, TAG, ROOM, LENGTH, CODE, TEXT };

static int is_firmware(int descriptor)
{
	char link[64], path[PATH_MAX];
	ssize_t length;

	snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
	length = readlink(link, path, sizeof path - 1);
	if (length < 0)
		return 0;
	path[length] = '\0';
	return strcmp(path, "/dev/vcio") == 0;
}

int ioctl(int descriptor, unsigned long request, ...)
{
	va_list rest;
	uint32_t *message;

	va_start(rest, request);
	message = va_arg(rest, uint32_t *);
	va_end(rest);
	if (request != _IOWR(100, 0, char *) || !is_firmware(descriptor))
		return (int)syscall(SYS_ioctl, descriptor, request, message);
	message[CODE] = strcmp((char *)&message[TEXT], "measure_temp") ? 2 : 0;
	strcpy((char *)&message[TEXT], message[CODE] ? "error=2 error_msg=\"Invalid arguments\"" : "temp=48.3'C");
	message[STATUS] = 0x80000000;
	message[LENGTH] = 0x80000000 | 64;
	return 0;
}
