/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/demo_workload.h"

/* Bytes of a file as a read-only object, by the assembler: gcc 12 has no #embed. */
#define EMBED(symbol, path)                                                                        \
    __asm__(".section .rodata\n" #symbol "_begin: .incbin \"" path "\"\n" #symbol                  \
            "_end: .byte 0\n.previous\n");                                                         \
    extern const char symbol##_begin[] __attribute__((visibility("hidden")));                      \
    extern const char symbol##_end[] __attribute__((visibility("hidden")))

EMBED(workload_mixed, "data/workload/mixed.jsonl");
EMBED(workload_coding_day, "data/workload/coding_day.jsonl");

struct slice demo_workload_mixed(void)
{
    return slice_of(workload_mixed_begin, (size_t)(workload_mixed_end - workload_mixed_begin));
}

struct slice demo_workload_coding_day(void)
{
    return slice_of(workload_coding_day_begin,
                    (size_t)(workload_coding_day_end - workload_coding_day_begin));
}
