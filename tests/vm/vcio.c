// SPDX-License-Identifier: GPL-2.0
/* What a Raspberry Pi has and a virtual machine has not, for the kernel of Debian 12:
 *
 * - the firmware's mailbox: /dev/vcio, and /dev/vcio_gencmd, which lets through text questions only;
 * - the thermal zone "cpu-thermal", with one trip point;
 * - the hwmon devices "rpi_volt", with the under-voltage alarm, and "pwmfan", with speed and duty cycle.
 *
 * Both devices take IOCTL_MBOX_PROPERTY = _IOWR(100, 0, char *) with a buffer of words: its size, a status, then tags
 * (number, room, length, content), then 0. The tag 0x00030080 holds a return code and a text: question in, reply out.
 *
 * What it says can be set at run time below /sys/module/vcio/parameters.
 */
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/hwmon.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/thermal.h>
#include <linux/uaccess.h>

#define IOCTL_MBOX_PROPERTY _IOWR(100, 0, char *)
#define GENCMD 0x00030080
#define UNKNOWN 0xffffffff
#define DONE 0x80000000
#define PARSE_ERROR 0x80000001

static int temperature = 48312; /* thousandths of a degree */
module_param(temperature, int, 0644);
static uint throttled; /* the bits of get_throttled */
module_param(throttled, uint, 0644);
static uint microvolts = 856300;
module_param(microvolts, uint, 0644);
static uint hertz = 1500345728;
module_param(hertz, uint, 0644);
static uint rpm = 2731;
module_param(rpm, uint, 0644);
static int fail; /* the errno of every call; 0 lets them work */
module_param(fail, int, 0644);
static uint delay_ms; /* how long every call takes */
module_param(delay_ms, uint, 0644);
static uint questions; /* how many were answered */
module_param(questions, uint, 0444);

static DEFINE_MUTEX(transaction);

struct reply {
	const char *question, *text;
};

/* What does not change, as a Raspberry Pi 4 says it. */
static const struct reply replies[] = {
	{"measure_clock core", "frequency(1)=200008304"},
	{"measure_clock v3d", "frequency(46)=250000496"},
	{"measure_clock sdram", "frequency(0)=0"},
	{"measure_clock", "error=2 error_msg=\"Invalid arguments\""},
	{"measure_volts sdram_c", "volt=1.1000V"},
	{"measure_volts sdram_i", "volt=1.1000V"},
	{"measure_volts sdram_p", "volt=1.1000V"},
	{"get_mem arm", "arm=948M"},
	{"get_mem gpu", "gpu=76M"},
	{"get_rsts", "get_rsts=1000"},
	{"version", "Mar 17 2023 10:50:56 \nCopyright (c) 2012 Broadcom\n"
		    "version 82f3750a65fadae9a38077e3c2e217ad158c8d54 (clean) (release) (start_cd)"},
};

static u32 answer(const char *question, char *text, size_t room)
{
	size_t i;

	if (!strcmp(question, "measure_temp")) {
		scnprintf(text, room, "temp=%d.%d'C", temperature / 1000, temperature % 1000 / 100);
		return 0;
	}
	if (!strcmp(question, "get_throttled")) {
		scnprintf(text, room, "throttled=0x%x", throttled);
		return 0;
	}
	if (!strcmp(question, "measure_volts") || !strcmp(question, "measure_volts core")) {
		scnprintf(text, room, "volt=%u.%04uV", microvolts / 1000000, microvolts % 1000000 / 100);
		return 0;
	}
	if (!strcmp(question, "measure_clock arm")) {
		scnprintf(text, room, "frequency(48)=%u", hertz);
		return 0;
	}
	for (i = 0; i < ARRAY_SIZE(replies); i++) {
		if (!strcmp(question, replies[i].question)) {
			strscpy(text, replies[i].text, room);
			return 0;
		}
	}
	strscpy(text, "error=1 error_msg=\"Command not registered\"", room);
	return UNKNOWN;
}

/* Answer the tags of one message; -EPERM for one that a restricted device does not let through. */
static long answer_all(u32 *words, u32 count, bool restricted)
{
	u32 at = 2;

	words[1] = DONE;
	while (at + 3 <= count && words[at]) {
		u32 room = words[at + 1], *content = &words[at + 3];
		char *question;

		if (restricted && words[at] != GENCMD)
			return -EPERM;
		if (room > (count - at - 3) * 4) {
			words[1] = PARSE_ERROR;
			break;
		}
		if (words[at] == GENCMD && room > 8) {
			question = kmemdup_nul((char *)(content + 1), room - 4, GFP_KERNEL);
			if (!question)
				return -ENOMEM;
			content[0] = answer(question, (char *)(content + 1), room - 4);
			words[at + 2] = DONE | room;
			kfree(question);
			questions++;
		}
		at += 3 + DIV_ROUND_UP(room, 4);
	}
	/* The kernel of the Raspberry Pi makes this of every status but DONE. */
	return words[1] == DONE ? 0 : -EINVAL;
}

static long property(unsigned int request, unsigned long argument, bool restricted)
{
	void __user *user = (void __user *)argument;
	u32 size, *words;
	long result;

	if (request != IOCTL_MBOX_PROPERTY)
		return -EINVAL;
	if (get_user(size, (u32 __user *)user))
		return -EFAULT;
	if (size < 12 || size >= SZ_1M || size % 4)
		return -EINVAL;
	words = memdup_user(user, size);
	if (IS_ERR(words))
		return PTR_ERR(words);
	mutex_lock(&transaction);
	msleep(delay_ms); /* not to be interrupted, as on a Raspberry Pi */
	result = fail ? -fail : answer_all(words, size / 4, restricted);
	mutex_unlock(&transaction);
	if (!result && copy_to_user(user, words, size))
		result = -EFAULT;
	kfree(words);
	return result;
}

static long all_ioctl(struct file *file, unsigned int request, unsigned long argument)
{
	return property(request, argument, false);
}

static long gencmd_ioctl(struct file *file, unsigned int request, unsigned long argument)
{
	return property(request, argument, true);
}

static const struct file_operations all_operations = {
	.owner = THIS_MODULE, .unlocked_ioctl = all_ioctl, .compat_ioctl = compat_ptr_ioctl,
};
static const struct file_operations gencmd_operations = {
	.owner = THIS_MODULE, .unlocked_ioctl = gencmd_ioctl, .compat_ioctl = compat_ptr_ioctl,
};
static struct miscdevice all_device = {
	.minor = MISC_DYNAMIC_MINOR, .name = "vcio", .fops = &all_operations, .mode = 0600,
};
static struct miscdevice gencmd_device = {
	.minor = MISC_DYNAMIC_MINOR, .name = "vcio_gencmd", .fops = &gencmd_operations, .mode = 0600,
};

static int get_temp(struct thermal_zone_device *zone, int *value)
{
	*value = temperature;
	return 0;
}

static int get_trip_type(struct thermal_zone_device *zone, int trip, enum thermal_trip_type *type)
{
	*type = THERMAL_TRIP_CRITICAL;
	return 0;
}

static int get_trip_temp(struct thermal_zone_device *zone, int trip, int *value)
{
	*value = 110000;
	return 0;
}

static struct thermal_zone_device_ops zone_operations = {
	.get_temp = get_temp, .get_trip_type = get_trip_type, .get_trip_temp = get_trip_temp,
};

static ssize_t in0_lcrit_alarm_show(struct device *device, struct device_attribute *attribute, char *text)
{
	return sysfs_emit(text, "%u\n", throttled & 1);
}
static DEVICE_ATTR_RO(in0_lcrit_alarm);
static struct attribute *volt_attrs[] = {&dev_attr_in0_lcrit_alarm.attr, NULL};
ATTRIBUTE_GROUPS(volt);

static ssize_t fan1_input_show(struct device *device, struct device_attribute *attribute, char *text)
{
	return sysfs_emit(text, "%u\n", rpm);
}
static DEVICE_ATTR_RO(fan1_input);
static ssize_t pwm1_show(struct device *device, struct device_attribute *attribute, char *text)
{
	return sysfs_emit(text, "%u\n", 125);
}
static DEVICE_ATTR_RO(pwm1);
static struct attribute *fan_attrs[] = {&dev_attr_fan1_input.attr, &dev_attr_pwm1.attr, NULL};
ATTRIBUTE_GROUPS(fan);

static struct thermal_zone_device *zone;
static struct platform_device *board;
static struct device *volt, *fan;

static void remove_all(void)
{
	if (!IS_ERR_OR_NULL(fan))
		hwmon_device_unregister(fan);
	if (!IS_ERR_OR_NULL(volt))
		hwmon_device_unregister(volt);
	if (!IS_ERR_OR_NULL(board))
		platform_device_unregister(board);
	if (!IS_ERR_OR_NULL(zone))
		thermal_zone_device_unregister(zone);
	misc_deregister(&gencmd_device);
	misc_deregister(&all_device);
}

static int __init vcio_init(void)
{
	int result = misc_register(&all_device);

	if (result)
		return result;
	result = misc_register(&gencmd_device);
	if (result) {
		misc_deregister(&all_device);
		return result;
	}
	zone = thermal_zone_device_register("cpu-thermal", 1, 0, NULL, &zone_operations, NULL, 0, 0);
	board = platform_device_register_simple("raspberrypi-board", -1, NULL, 0);
	if (!IS_ERR(board)) {
		volt = hwmon_device_register_with_groups(&board->dev, "rpi_volt", NULL, volt_groups);
		fan = hwmon_device_register_with_groups(&board->dev, "pwmfan", NULL, fan_groups);
	}
	if (IS_ERR(zone) || IS_ERR(board) || IS_ERR(volt) || IS_ERR(fan)) {
		remove_all();
		return -ENODEV;
	}
	thermal_zone_device_enable(zone);
	return 0;
}

module_init(vcio_init);
module_exit(remove_all);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("What a Raspberry Pi has and a virtual machine has not");
