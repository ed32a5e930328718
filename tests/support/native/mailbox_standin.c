/* A stand-in for the firmware's device, for programs that are started with this library in LD_PRELOAD.
 *
 * What lies below the folder VCIO_LAB hides the file of that path; /dev/vcio and /dev/vcio_gencmd are never the
 * real ones. An ioctl on one of the two is answered with what the files in VCIO_LAB say: see standin.py.
 */
/* Debian 13 makes these the default on 32-bit Arm, and then stat and stat64 are one and the same symbol. */
#undef _TIME_BITS
#undef _FILE_OFFSET_BITS
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static atomic_int in_flight;

static const char *lab(void)
{
	const char *folder = getenv("VCIO_LAB");

	return folder ? folder : "/nonexistent";
}

/* Where `path` is to be found: in the lab, if it has such a file. */
static const char *found(const char *path, char *space, size_t size)
{
	if (!path || path[0] != '/')
		return path;
	snprintf(space, size, "%s%s", lab(), path);
	if (strncmp(path, "/dev/vcio", 9) && syscall(SYS_faccessat, AT_FDCWD, space, F_OK))
		return path;
	return space;
}

int open64(const char *path, int flags, ...)
{
	char space[4096];
	va_list rest;
	mode_t mode;

	va_start(rest, flags);
	mode = va_arg(rest, mode_t);
	va_end(rest);
	return (int)syscall(SYS_openat, AT_FDCWD, found(path, space, sizeof space), flags, mode);
}

int open(const char *path, int flags, ...) __attribute__((alias("open64")));

int stat64(const char *path, struct stat64 *status)
{
	char space[4096];

	return NEXT(fstatat64)(AT_FDCWD, found(path, space, sizeof space), status, 0);
}

int stat(const char *path, struct stat *status)
{
	char space[4096];

	return NEXT(fstatat)(AT_FDCWD, found(path, space, sizeof space), status, 0);
}

#if defined(__arm__) && __GLIBC_PREREQ(2, 34)
/* What a program calls that was compiled with 64 bits for the time. */
int __fstatat64_time64(int folder, const char *path, void *status, int flags);
int __stat64_time64(const char *path, void *status);

int __stat64_time64(const char *path, void *status)
{
	char space[4096];

	return __fstatat64_time64(AT_FDCWD, found(path, space, sizeof space), status, 0);
}
#endif

int access(const char *path, int mode)
{
	char space[4096];

	return (int)syscall(SYS_faccessat, AT_FDCWD, found(path, space, sizeof space), mode);
}

int execve(const char *path, char *const arguments[], char *const environment[])
{
	char space[4096];

	return (int)syscall(SYS_execve, found(path, space, sizeof space), arguments, environment);
}

/* Append to a file of the lab, in one piece. */
static void note(const char *name, const struct iovec *parts, int count)
{
	char path[4096];
	int file;

	snprintf(path, sizeof path, "%s/%s", lab(), name);
	file = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (file < 0 || writev(file, parts, count) < 0)
		abort();
	close(file);
}

static void note_word(const char *name, const char *word)
{
	note(name, &(struct iovec){(void *)(uintptr_t)word, strlen(word)}, 1);
}

/* Every process begins with one of the two. vfork cannot be wrapped; a fork is as good. */
pid_t fork(void)
{
	note_word("forks", "fork\n");
	return NEXT(fork)();
}

pid_t vfork(void)
{
	return fork();
}

/* The content of a file of the lab: its length, or -1 if there is none. */
static ssize_t content(const char *name, void *space, size_t size)
{
	char path[4096];
	ssize_t length;
	int file;

	snprintf(path, sizeof path, "%s/%s", lab(), name);
	file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (file < 0)
		return -1;
	length = read(file, space, size);
	close(file);
	return length;
}

static long number(const char *name)
{
	char text[32] = "";

	return content(name, text, sizeof text - 1) < 0 ? 0 : atol(text);
}

static void pass(long milliseconds)
{
	nanosleep(&(struct timespec){milliseconds / 1000, milliseconds % 1000 * 1000000}, NULL);
}

static int answer(const char *device, unsigned long request, char *message)
{
	char name[4096], text[16];
	uint32_t size;
	long code;

	if (request != _IOWR(100, 0, char *)) {
		errno = EINVAL;
		return -1;
	}
	memcpy(&size, message, sizeof size);
	while (content("hang", text, sizeof text) >= 0)
		pass(5);
	pass(number("delay"));
	snprintf(name, sizeof name, "errno-%u", size);
	code = number("errno") ? number("errno") : number(name);
	snprintf(name, sizeof name, "errno-%s", device + strlen("/dev/"));
	code = code ? code : number(name);
	snprintf(name, sizeof name, "replies/%.100s", message + 24);
	if (!code && content(name, message, size) < 0 && content("otherwise", message, size) < 0)
		code = EINVAL;
	errno = (int)code;
	return code ? -1 : 0;
}

/* The name of the stand-in that a descriptor belongs to; NULL if it is none. */
static const char *node(int descriptor, char *space, size_t size)
{
	char link[64];
	ssize_t length;

	snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
	length = readlink(link, space, size - 1);
	if (length < 0)
		return NULL;
	space[length] = '\0';
	if (strncmp(space, lab(), strlen(lab())))
		return NULL;
	space[strcspn(space, " ")] = '\0'; /* "... (deleted)" */
	return strstr(space, "/dev/vcio");
}

int ioctl(int descriptor, unsigned long request, ...)
{
	char space[4096], head[40] = "";
	const char *name = node(descriptor, space, sizeof space);
	uint32_t size;
	va_list rest;
	char *message;
	int result;

	va_start(rest, request);
	message = va_arg(rest, char *);
	va_end(rest);
	if (!name)
		return (int)syscall(SYS_ioctl, descriptor, request, message);
	if (atomic_fetch_add(&in_flight, 1))
		note_word("overlaps", "overlap\n");
	memcpy(&size, message, sizeof size);
	snprintf(head, sizeof head, "%-20s %#10lx %6u\n", name, request, size);
	note("requests", (struct iovec[]){{head, strlen(head)}, {message, size}}, 2);
	result = answer(name, request, message);
	atomic_fetch_sub(&in_flight, 1);
	return result;
}
