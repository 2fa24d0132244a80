/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of a file as a read-only object, by the assembler: gcc 12 has no #embed. The path is from
 * the top of the tree. A file that embeds is listed in the Makefile (EMBEDDING): link-time
 * optimisation would part the symbols from their users.
 */
#ifndef SLUICE_BASE_EMBED_H
#define SLUICE_BASE_EMBED_H

#include "base/slice.h"

#define EMBED(symbol, path)                                                                        \
    __asm__(".section .rodata\n.balign 64\n" #symbol "_begin: .incbin \"" path "\"\n" #symbol      \
            "_end: .byte 0\n.previous\n");                                                         \
    extern const char symbol##_begin[] __attribute__((visibility("hidden")));                      \
    extern const char symbol##_end[] __attribute__((visibility("hidden")))
#define EMBEDDED(symbol) slice_of(symbol##_begin, (size_t)(symbol##_end - symbol##_begin))

#endif
