/* A plugin of qemu-user that counts the instructions that a program executes, in the file that INSTRUCTIONS names.
 *
 * It declares what it needs of qemu-plugin.h, which Debian does not package. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct qemu_plugin_tb;
typedef void (*translated)(uint64_t, struct qemu_plugin_tb *);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t, translated);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, int, void *, uint64_t);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);

int qemu_plugin_version = 1;
static uint64_t *count;

static void count_block(uint64_t id, struct qemu_plugin_tb *block)
{
    qemu_plugin_register_vcpu_tb_exec_inline(block, 0 /* add */, count, qemu_plugin_tb_n_insns(block));
}

int qemu_plugin_install(uint64_t id, const void *info, int count_of_arguments, char **arguments)
{
    int file = open(getenv("INSTRUCTIONS"), O_RDWR | O_CREAT, 0600);
    if (file < 0 || ftruncate(file, sizeof *count) < 0)
        return 1;
    count = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (count == MAP_FAILED)
        return 1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, count_block);
    return 0;
}
