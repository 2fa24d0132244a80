/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include "base/footprint.h"

#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES_AT_ONCE 512
#define PAGE_PRESENT ((uint64_t)1 << 63) /* bits of /proc/self/pagemap */
#define PAGE_SWAPPED ((uint64_t)1 << 62)
#define PAGE_OF_FILE ((uint64_t)1 << 61)

struct pages {
    int map; /* /proc/self/pagemap */
    uintptr_t bytes;
};

/* The page of `address`, which was touched a moment ago, is in memory, and a file's as `of_file`
 * says. */
static bool is_told(const struct pages *pages, uintptr_t address, bool of_file)
{
    uint64_t entry = 0;
    off_t at = (off_t)(address / pages->bytes * sizeof(entry));
    return pread(pages->map, &entry, sizeof(entry), at) == (ssize_t)sizeof(entry) &&
           (entry & (PAGE_PRESENT | PAGE_OF_FILE)) ==
               (of_file ? PAGE_PRESENT | PAGE_OF_FILE : PAGE_PRESENT);
}

/* Does this system tell pages of files from others? Asked of two that are known: this code's, and
 * this stack's. An emulation of /proc may not. */
static bool can_tell(const struct pages *pages)
{
    volatile char on_stack = 1;
    return on_stack == 1 && is_told(pages, (uintptr_t)footprint_trim, true) &&
           is_told(pages, (uintptr_t)&on_stack, false);
}

/* Are those in memory all the file's own? One that is not has been written to, and the file would
 * come back without that. */
static bool are_of_file(const struct pages *pages, uintptr_t from, uintptr_t to)
{
    uint64_t entries[PAGES_AT_ONCE];
    while (from < to) {
        size_t count = (to - from) / pages->bytes;
        count = count < PAGES_AT_ONCE ? count : PAGES_AT_ONCE;
        ssize_t want = (ssize_t)(count * sizeof(entries[0]));
        off_t at = (off_t)(from / pages->bytes * sizeof(entries[0]));
        if (pread(pages->map, entries, (size_t)want, at) != want) {
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            uint64_t where = entries[i] & (PAGE_PRESENT | PAGE_SWAPPED | PAGE_OF_FILE);
            if (where != 0 && where != (PAGE_PRESENT | PAGE_OF_FILE)) {
                return false;
            }
        }
        from += count * pages->bytes;
    }
    return true;
}

/* The loader's lock is held: the object stays mapped. */
static int let_go(struct dl_phdr_info *object, size_t size, void *argument)
{
    const struct pages *pages = argument;
    (void)size;
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || (part->p_flags & PF_W) != 0) {
            continue;
        }
        uintptr_t from = (object->dlpi_addr + part->p_vaddr) & ~(pages->bytes - 1);
        uintptr_t to = (object->dlpi_addr + part->p_vaddr + part->p_memsz) & ~(pages->bytes - 1);
        if (from < to && are_of_file(pages, from, to)) {
            (void)madvise((void *)from, to - from, MADV_DONTNEED);
        }
    }
    return 0;
}

void footprint_trim(void)
{
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
    struct pages pages = {.map = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC),
                          .bytes = (uintptr_t)sysconf(_SC_PAGESIZE)};
    if (pages.map >= 0) {
        if (can_tell(&pages)) {
            (void)dl_iterate_phdr(let_go, &pages);
        }
        close(pages.map);
    }
}
