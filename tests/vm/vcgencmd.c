/* What vcgencmd does, for a system without it: one question to the firmware, its reply printed. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#define TEXT 4096

int main(int count, char *arguments[])
{
	static struct {
		uint32_t size, status, tag, room, length, code;
		char text[TEXT];
		uint32_t end;
	} message = {sizeof message, 0, 0x00030080, TEXT, 0, 0, "", 0};
	int device = open("/dev/vcio_gencmd", O_RDONLY);
	int i;

	if (device < 0)
		device = open("/dev/vcio", O_RDONLY);
	if (device < 0) {
		puts("Can't open device file: /dev/vcio_gencmd");
		return 255;
	}
	for (i = 1; i < count; i++) {
		strncat(message.text, i > 1 ? " " : "", TEXT - 1 - strlen(message.text));
		strncat(message.text, arguments[i], TEXT - 1 - strlen(message.text));
	}
	if (ioctl(device, _IOWR(100, 0, char *), &message) < 0)
		puts("ioctl_set_msg failed:-1");
	if (message.code)
		printf("vc_gencmd_read_response returned %d\n", (int)message.code);
	puts(message.text);
	return (int)message.code;
}
