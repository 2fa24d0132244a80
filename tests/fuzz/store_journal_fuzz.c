/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A journal directory that holds one segment of any bytes is opened, read to its end, written to
 * and read again: whatever a disk gives back, opening works and new records arrive. The checksums
 * of header and records are put right first, unless the first byte says otherwise: else nothing but
 * the checksum would be tested.
 */
#include "base/hash.h"
#include "base/log.h"
#include "store/journal.h"
#include "store/journal_segment.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char directory[64];
static int directory_fd = -1;

static void remove_directory(void)
{
    unlinkat(directory_fd, "lock", 0);
    rmdir(directory);
}

static void make_directory(void)
{
    /* In memory where there is such a place: a disk would be the bottleneck. */
    snprintf(directory, sizeof(directory), "/dev/shm/sluice-fuzz-XXXXXX");
    if (mkdtemp(directory) == NULL) {
        snprintf(directory, sizeof(directory), "/tmp/sluice-fuzz-XXXXXX");
        CHECK(mkdtemp(directory) != NULL);
    }
    directory_fd = open(directory, O_RDONLY | O_DIRECTORY);
    CHECK(directory_fd >= 0);
    atexit(remove_directory);
    int silent = open("/dev/null", O_WRONLY);
    log_start(silent, LOG_FORMAT_TEXT, LOG_ERROR);
}

static void store_u32(char *at, uint32_t value)
{
    memcpy(at, &value, sizeof(value));
}

/* As the writer would have computed them, following the lengths that are there. */
static void repair(char *bytes, size_t size)
{
    store_u32(bytes + 12, 0);
    store_u32(bytes + 12, crc32c(0, bytes, SEGMENT_HEADER_BYTES));
    size_t at = SEGMENT_HEADER_BYTES;
    while (size - at >= RECORD_HEADER_BYTES) {
        struct record_header header;
        memcpy(&header, bytes + at, sizeof(header));
        if (header.length > size - at - RECORD_HEADER_BYTES) {
            break;
        }
        uint32_t crc = header.kind == RECORD_KIND_PADDING
                           ? 0
                           : crc32c(0, bytes + at + RECORD_HEADER_BYTES, header.length);
        store_u32(bytes + at + 4, record_crc(crc, &header));
        size_t next = at + record_space(header.length);
        if (next > size) {
            break;
        }
        at = next;
    }
}

static void write_segment(const uint8_t *data, size_t size, bool repaired)
{
    static char bytes[SEGMENT_BYTES_MIN];
    char name[SEGMENT_NAME_SIZE];
    size = size > sizeof(bytes) ? sizeof(bytes) : size;
    memset(bytes, 0, sizeof(bytes));
    memcpy(bytes, data, size);
    if (repaired && size >= SEGMENT_HEADER_BYTES) {
        repair(bytes, size);
    }
    int fd = openat(directory_fd, segment_name(1, name), O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0 && write(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes));
    close(fd);
}

static size_t read_all(struct journal *journal, struct journal_position *position)
{
    struct journal_entry entry;
    size_t count = 0;
    while (journal_read(journal, position, &entry)) {
        count++;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (directory_fd < 0) {
        make_directory();
    }
    if (size < 1) {
        return 0;
    }
    write_segment(data + 1, size - 1, data[0] != 0);
    struct error error;
    const struct journal_options options = {
        .directory = directory,
        .segment_bytes = SEGMENT_BYTES_MIN,
        .sync_ms = 60000,
    };
    struct journal *journal = journal_open(&options, &error);
    if (journal == NULL) {
        CHECK(strcmp(error.code, "journal_version") == 0);
        return 0;
    }
    struct journal_position position = {0};
    struct journal_stats stats;
    journal_stats(journal, &stats); /* looks at the oldest record */
    (void)read_all(journal, &position);
    const struct hold_record hold = {.attempt = 1, .target = SLICE_INIT("target")};
    CHECK(journal_hold(journal, &hold));
    CHECK(read_all(journal, &position) == 1);
    journal_consumed(journal, position);
    journal_close(journal);
    for (uint64_t number = 1; number < 8; number++) {
        char name[SEGMENT_NAME_SIZE];
        char aside[SEGMENT_NAME_SIZE + 16];
        unlinkat(directory_fd, segment_name(number, name), 0);
        snprintf(aside, sizeof(aside), "%s.damaged", name);
        unlinkat(directory_fd, aside, 0);
    }
    return 0;
}
