/* SPDX-License-Identifier: Apache-2.0 */
#include "base/footprint.h"

#include "tests/tap.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define TABLE_BYTES (1 << 20)

/* Read-only, and large enough that its pages are many. */
static const char table[TABLE_BYTES] = {1, 2, 3};

static size_t resident_pages(const void *from, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = ((uintptr_t)from + page - 1) / page * page;
    size_t count = ((uintptr_t)from + bytes - first) / page;
    FILE *map = fopen("/proc/self/pagemap", "rb");
    size_t present = 0;
    if (map == NULL) {
        return 0;
    }
    fseek(map, (long)(first / page * sizeof(uint64_t)), SEEK_SET);
    for (size_t i = 0; i < count; i++) {
        uint64_t entry = 0;
        present += fread(&entry, sizeof(entry), 1, map) == 1 && entry >> 63 != 0;
    }
    fclose(map);
    return present;
}

static int sum_of(const volatile char *bytes, size_t count)
{
    int sum = 0;
    for (size_t i = 0; i < count; i += 512) {
        sum += bytes[i];
    }
    return sum;
}

static void test_read_pages_go(void)
{
    EXPECT(sum_of(table, sizeof(table)) == 1);
    size_t before = resident_pages(table, sizeof(table));
    EXPECT(before > 200);
    footprint_trim();
    EXPECT(resident_pages(table, sizeof(table)) < before / 4);
    EXPECT(sum_of(table, sizeof(table)) == 1);
}

static void test_written_pages_stay(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *at = (char *)(((uintptr_t)table + 64 * page) / page * page);
    EXPECT(mprotect(at, page, PROT_READ | PROT_WRITE) == 0);
    *(volatile char *)at = 42;
    EXPECT(mprotect(at, page, PROT_READ) == 0);
    footprint_trim();
    EXPECT(*(volatile char *)at == 42);
}

int main(void)
{
    if (access("/proc/self/pagemap", R_OK) == 0) {
        TEST(test_read_pages_go,
             "pages of the program that were only read leave it, and come back");
    } else {
        printf("# skipped: /proc/self/pagemap cannot be read, so nothing is let go\n");
    }
    TEST(test_written_pages_stay, "what was written into a read-only part is not lost");
    return tap_done();
}
