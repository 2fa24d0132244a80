/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A QEMU plugin that counts the instructions of every thread of a Linux guest with one processor,
 * those of the program and those of the kernel apart, between two marks that the guest sets: what
 * `perf stat -e instructions:u,instructions:k --per-thread` reports where there are hardware
 * counters.
 *
 *   -plugin count.so,out=FILE
 *
 * Who runs. The kernel changes the thread in one place, __switch_to_asm, which saves the stack
 * pointer in the task_struct that leaves and loads it from the one that comes:
 *
 *     mov %rsp, OFFSET(%rdi)
 *     mov OFFSET(%rsi), %rsp
 *
 * The pair, with the same offset in both, is looked for in all code of the kernel; the address that
 * the load reads says which thread comes. What runs before the next load is that thread's: its
 * program, its system calls, and the interrupts and the received packets that the kernel
 * handles on its back. Hardware counters draw the line at the same place.
 *
 * What is an instruction. Blocks of code are counted when they are entered. QEMU executes a string
 * instruction (rep movs) as a loop of as many blocks as there are elements; it counts once here,
 * as it does in a processor.
 *
 * Marks. The guest's first program executes a long no-op whose operand is MARK and a number: 1 sets
 * all counters to 0, 2 writes a line for every thread that ran since, and an empty line:
 *
 *     NAME USER KERNEL SYSCALLS SWITCHES
 *
 * At the first mark the plugin looks for that program's name in its task_struct and so learns where
 * names are (MARKER_NAME). Kernel addresses are fixed: boot with nokaslr and without five-level
 * page tables.
 *
 * Debian packages no header for plugins; what is used of the interface, version 1, is declared
 * here.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define MARK 0x5155c000U
#define MARKER_NAME "count-init"
#define KERNEL_TEXT 0xffffffff80000000ULL /* virtual address of physical 0, for code ... */
#define KERNEL_DATA 0xffff888000000000ULL /* ... and for data */
#define TASK_BYTES 16384                  /* no task_struct is larger */
#define NAME_BYTES 16
#define TASKS_MAX 4096

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info {
    const char *target_name;
    struct {
        int min;
        int cur;
    } version;
    bool system_emulation;
    struct {
        int smp_vcpus;
        int max_vcpus;
    } system;
};
enum { CB_NO_REGS = 0, INLINE_ADD_U64 = 0, MEM_ANY = 3 };
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
                                           void (*fn)(uint64_t id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op, void *counter,
                                              uint64_t add);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int op,
                                                void *counter, uint64_t add);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
                                            void (*fn)(unsigned vcpu, void *data), int flags,
                                            void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn,
                                      void (*fn)(unsigned vcpu, uint32_t info, uint64_t address,
                                                 void *data),
                                      int flags, int access, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *insn);

EXPORT int qemu_plugin_version = 1;

struct counts {
    uint64_t user;
    uint64_t kernel;
    uint64_t syscalls;
};

struct task {
    uint64_t address; /* of its task_struct */
    struct counts spent;
    uint64_t switches; /* how often it was given the processor */
};

static struct counts now;  /* of the processor; the translated code adds to it */
static struct counts then; /* of the processor, when `current` got it */
static struct task tasks[TASKS_MAX];
static size_t task_count;
static struct task *current;
static const char *ram; /* the guest's memory in this process */
static size_t name_offset;
static FILE *out;

static void fail(const char *why)
{
    fprintf(stderr, "count: %s\n", why);
    exit(3);
}

static struct task *task_find(uint64_t address)
{
    for (size_t i = 0; i < task_count; i++) {
        if (tasks[i].address == address) {
            return &tasks[i];
        }
    }
    if (task_count == TASKS_MAX) {
        fail("too many threads");
    }
    tasks[task_count].address = address;
    return &tasks[task_count++];
}

static void charge_current(void)
{
    if (current != NULL) {
        current->spent.user += now.user - then.user;
        current->spent.kernel += now.kernel - then.kernel;
        current->spent.syscalls += now.syscalls - then.syscalls;
    }
    then = now;
}

static void on_switch(unsigned vcpu, uint32_t info, uint64_t address, void *offset)
{
    (void)vcpu;
    (void)info;
    charge_current();
    current = task_find(address - (uintptr_t)offset);
    current->switches++;
}

static const char *task_memory(const struct task *task)
{
    if (ram == NULL) {
        fail("no code of the kernel was seen at its fixed address; boot with nokaslr");
    }
    /* That of the idle loop is a variable of the kernel. */
    return ram + (task->address - (task->address >= KERNEL_TEXT ? KERNEL_TEXT : KERNEL_DATA));
}

static void find_names(void)
{
    if (current == NULL) {
        fail("no switch between threads was seen");
    }
    const char *memory = task_memory(current);
    for (size_t i = 0; i < TASK_BYTES && name_offset == 0; i += 8) {
        if (memcmp(memory + i, MARKER_NAME, sizeof(MARKER_NAME)) == 0) {
            name_offset = i;
        }
    }
    if (name_offset == 0) {
        fail("the name " MARKER_NAME " is not in the task_struct");
    }
}

static void write_task(const struct task *task)
{
    char name[NAME_BYTES + 1] = "";
    memcpy(name, task_memory(task) + name_offset, NAME_BYTES);
    for (char *c = name; *c != '\0'; c++) {
        *c = *c == ' ' ? '_' : *c;
    }
    fprintf(out, "%s %llu %llu %llu %llu\n", name, (unsigned long long)task->spent.user,
            (unsigned long long)task->spent.kernel, (unsigned long long)task->spent.syscalls,
            (unsigned long long)task->switches);
}

static void on_mark(unsigned vcpu, void *number)
{
    (void)vcpu;
    find_names();
    charge_current();
    if ((uintptr_t)number == 1) {
        for (size_t i = 0; i < task_count; i++) {
            tasks[i].spent = (struct counts){0, 0, 0};
            tasks[i].switches = 0;
        }
        return;
    }
    for (size_t i = 0; i < task_count; i++) {
        if (tasks[i].spent.user + tasks[i].spent.kernel > 0) {
            write_task(&tasks[i]);
        }
    }
    fputc('\n', out);
    fflush(out);
}

/* A string instruction: counted when it begins. It goes on if it is the last thing that was
 * executed: then nothing else was counted in between. */
static void on_string(unsigned vcpu, void *address)
{
    static uint64_t last_address;
    static uint64_t last_total;
    (void)vcpu;
    uint64_t pc = (uint64_t)(uintptr_t)address;
    if (pc != last_address || now.user + now.kernel != last_total) {
        *(pc >= KERNEL_DATA ? &now.kernel : &now.user) += 1;
    }
    last_address = pc;
    last_total = now.user + now.kernel;
}

static bool is_string(const uint8_t *code, size_t len)
{
    size_t i = 0;
    bool repeated = false;
    while (i + 1 < len && (code[i] == 0xf2 || code[i] == 0xf3 || code[i] == 0x66)) {
        repeated = repeated || code[i] != 0x66;
        i++;
    }
    if (i + 1 < len && (code[i] & 0xf0) == 0x40) {
        i++; /* REX */
    }
    return repeated && i + 1 == len &&
           ((code[i] >= 0xa4 && code[i] <= 0xa7) || (code[i] >= 0xaa && code[i] <= 0xaf) ||
            (code[i] >= 0x6c && code[i] <= 0x6f));
}

static uint32_t operand(const uint8_t *code)
{
    uint32_t value;
    memcpy(&value, code, sizeof(value));
    return value;
}

static bool begins(const struct qemu_plugin_insn *insn, const void *bytes, size_t len, size_t size)
{
    return qemu_plugin_insn_size(insn) == size &&
           memcmp(qemu_plugin_insn_data(insn), bytes, len) == 0;
}

static void watch_user(struct qemu_plugin_insn *insn)
{
    if (begins(insn, "\x0f\x05", 2, 2)) {
        qemu_plugin_register_vcpu_insn_exec_inline(insn, INLINE_ADD_U64, &now.syscalls, 1);
    } else if (begins(insn, "\x0f\x1f\x84\x00", 4, 8)) {
        uint32_t value = operand((const uint8_t *)qemu_plugin_insn_data(insn) + 4);
        if (value == MARK + 1 || value == MARK + 2) {
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark, CB_NO_REGS,
                                                   (void *)(uintptr_t)(value - MARK));
        }
    }
}

static void watch_kernel(const struct qemu_plugin_insn *before, struct qemu_plugin_insn *insn)
{
    if (before != NULL && begins(before, "\x48\x89\xa7", 3, 7) &&
        begins(insn, "\x48\x8b\xa6", 3, 7)) {
        uint32_t offset = operand((const uint8_t *)qemu_plugin_insn_data(insn) + 3);
        if (offset == operand((const uint8_t *)qemu_plugin_insn_data(before) + 3)) {
            qemu_plugin_register_vcpu_mem_cb(insn, on_switch, CB_NO_REGS, MEM_ANY,
                                             (void *)(uintptr_t)offset);
        }
    }
}

static void on_translate(uint64_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    size_t count = qemu_plugin_tb_n_insns(tb);
    struct qemu_plugin_insn *insn = NULL;
    struct qemu_plugin_insn *before = NULL;
    uint64_t pc = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0));
    uint64_t strings = 0;
    for (size_t i = 0; i < count; i++, before = insn) {
        insn = qemu_plugin_tb_get_insn(tb, i);
        if (is_string(qemu_plugin_insn_data(insn), qemu_plugin_insn_size(insn))) {
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_string, CB_NO_REGS,
                                                   (void *)(uintptr_t)qemu_plugin_insn_vaddr(insn));
            strings++;
        }
        if (pc < KERNEL_DATA) {
            watch_user(insn);
        } else {
            watch_kernel(before, insn);
        }
    }
    if (ram == NULL && pc >= KERNEL_TEXT && qemu_plugin_insn_haddr(insn) != NULL) {
        ram = (const char *)qemu_plugin_insn_haddr(insn) -
              (qemu_plugin_insn_vaddr(insn) - KERNEL_TEXT);
    }
    qemu_plugin_register_vcpu_tb_exec_inline(
        tb, INLINE_ADD_U64, pc < KERNEL_DATA ? &now.user : &now.kernel, count - strings);
}

EXPORT int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "out=", 4) == 0) {
            out = fopen(argv[i] + 4, "w");
        }
    }
    if (out == NULL || !info->system_emulation || info->system.max_vcpus != 1) {
        fprintf(stderr, "count: needs out=FILE and a machine with one processor\n");
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
    return 0;
}
