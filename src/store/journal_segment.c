/* SPDX-License-Identifier: Apache-2.0 */
#include "store/journal_segment.h"

#include "base/hash.h"
#include "base/memory.h"
#include "store/record_codec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; older headers lack the name */
#endif

#define SEGMENT_VERSION 1
#define SEGMENT_SUFFIX ".journal"
#define NUMBER_DIGITS 16

static const char magic[8] = {'S', 'L', 'J', 'O', 'U', 'R', 'N', '1'};

struct file_header {
    char magic[8];
    uint32_t version;
    uint32_t crc;
    uint64_t number;
    uint64_t first_record;
    int64_t created_wall_ns;
    char zero[24];
};
_Static_assert(sizeof(struct file_header) == SEGMENT_HEADER_BYTES, "as in the file");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file format is little endian");

static uint32_t header_crc(const struct file_header *header)
{
    struct file_header copy = *header;
    copy.crc = 0;
    return crc32c(0, &copy, sizeof(copy));
}

uint32_t record_crc(uint32_t payload_crc, const struct record_header *header)
{
    return crc32c(payload_crc, &header->sequence, RECORD_HEADER_BYTES - 8);
}

char *segment_name(uint64_t number, char buffer[SEGMENT_NAME_SIZE])
{
    snprintf(buffer, SEGMENT_NAME_SIZE, "%016llx" SEGMENT_SUFFIX, (unsigned long long)number);
    return buffer;
}

bool segment_name_parse(const char *name, uint64_t *ret_number)
{
    if (strlen(name) != NUMBER_DIGITS + strlen(SEGMENT_SUFFIX) ||
        strcmp(name + NUMBER_DIGITS, SEGMENT_SUFFIX) != 0) {
        return false;
    }
    uint64_t number = 0;
    for (int i = 0; i < NUMBER_DIGITS; i++) {
        const char *digits = "0123456789abcdef";
        const char *found = strchr(digits, name[i]);
        if (found == NULL) {
            return false;
        }
        number = number << 4 | (uint64_t)(found - digits);
    }
    *ret_number = number;
    return number > 0;
}

static struct segment *map_file(int fd, uint64_t number, size_t bytes, struct error *error)
{
    void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        error_set(error, ERROR_ENVIRONMENT, "journal_open", "cannot map a journal segment: %s",
                  strerror(errno));
        return NULL;
    }
    struct segment *segment = memory_array(1, sizeof(*segment));
    if (segment == NULL) {
        munmap(map, bytes);
        error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
        return NULL;
    }
    segment->number = number;
    segment->map = map;
    segment->bytes = bytes;
    return segment;
}

struct segment *segment_create(int directory, uint64_t number, size_t bytes, struct error *error)
{
    char name[SEGMENT_NAME_SIZE];
    segment_name(number, name);
    int fd = openat(directory, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        error_set(error, ERROR_ENVIRONMENT, "journal_open",
                  "cannot create the journal segment %s: %s", name, strerror(errno));
        return NULL;
    }
    /* Blocks now, not at the first touch: a full disk must be an error here, not a SIGBUS there. */
    int failure = posix_fallocate(fd, 0, (off_t)bytes);
    struct segment *segment = NULL;
    if (failure != 0) {
        error_set(error, ERROR_ENVIRONMENT, "journal_open",
                  "cannot allocate %zu bytes for the journal segment %s: %s", bytes, name,
                  strerror(failure));
    } else {
        segment = map_file(fd, number, bytes, error);
    }
    if (segment == NULL) {
        unlinkat(directory, name, 0);
    }
    close(fd);
    return segment;
}

struct segment *segment_map(int directory, uint64_t number, struct error *error)
{
    char name[SEGMENT_NAME_SIZE];
    struct stat info;
    struct segment *segment = NULL;
    segment_name(number, name);
    int fd = openat(directory, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &info) != 0) {
        error_set(error, ERROR_ENVIRONMENT, "journal_open",
                  "cannot open the journal segment %s: %s", name, strerror(errno));
        goto out;
    }
    if (!S_ISREG(info.st_mode) || info.st_size < SEGMENT_HEADER_BYTES ||
        (uint64_t)info.st_size > SEGMENT_BYTES_MAX) {
        error_set(error, ERROR_INVALID, "journal_segment_size",
                  "the journal segment %s has an impossible size", name);
        goto out;
    }
    segment = map_file(fd, number, (size_t)info.st_size, error);
out:
    if (fd >= 0) {
        close(fd);
    }
    return segment;
}

void segment_free(struct segment *segment)
{
    if (segment == NULL) {
        return;
    }
    munmap(segment->map, segment->bytes);
    memory_free(segment);
}

bool segment_recycle(struct segment *segment, int directory, uint64_t number)
{
    char from[SEGMENT_NAME_SIZE];
    char to[SEGMENT_NAME_SIZE];
    segment_name(segment->number, from);
    segment_name(number, to);
    if (renameat(directory, from, directory, to) != 0) {
        return false;
    }
    /* The old header stays until segment_begin(): its number is not the file's, so a restart in
       between takes the file for an unused one. Old records have lower sequences than the new. */
    segment->next = NULL;
    segment->number = number;
    atomic_store(&segment->used, 0);
    atomic_store(&segment->sealed, false);
    segment->synced = 0;
    segment->prefaulted = 0;
    segment->dropped = 0;
    return true;
}

void segment_begin(struct segment *segment, uint64_t first_record, int64_t wall_ns)
{
    struct file_header header = {
        .version = SEGMENT_VERSION,
        .number = segment->number,
        .first_record = first_record,
        .created_wall_ns = wall_ns,
    };
    memcpy(header.magic, magic, sizeof(magic));
    header.crc = header_crc(&header);
    memcpy(segment->map, &header, sizeof(header));
    segment->first_record = first_record;
    segment->created_wall_ns = wall_ns;
    atomic_store_explicit(&segment->used, SEGMENT_HEADER_BYTES, memory_order_release);
}

enum segment_state segment_check(struct segment *segment)
{
    static const struct file_header blank;
    struct file_header header;
    memcpy(&header, segment->map, sizeof(header));
    if (memcmp(&header, &blank, sizeof(header)) == 0) {
        return SEGMENT_UNUSED;
    }
    if (memcmp(header.magic, magic, sizeof(magic)) != 0 || header.crc != header_crc(&header)) {
        return SEGMENT_DAMAGED;
    }
    if (header.version != SEGMENT_VERSION) {
        return SEGMENT_FROM_FUTURE;
    }
    if (header.number != segment->number) {
        return header.number < segment->number ? SEGMENT_UNUSED : SEGMENT_DAMAGED;
    }
    segment->first_record = header.first_record;
    segment->created_wall_ns = header.created_wall_ns;
    return SEGMENT_VALID;
}

bool segment_record(const struct segment *segment, uint64_t offset, uint64_t sequence,
                    struct record_header *ret_header, struct slice *ret_payload)
{
    struct record_header header;
    if (offset > segment->bytes || segment->bytes - offset < sizeof(header)) {
        return false;
    }
    memcpy(&header, segment->map + offset, sizeof(header));
    size_t room = segment->bytes - (size_t)offset - sizeof(header);
    bool padding = header.kind == RECORD_KIND_PADDING;
    size_t ceiling = padding ? 2 * (size_t)SEGMENT_PAGE : RECORD_PAIR_BYTES_MAX;
    if (header.sequence != sequence || header.length > ceiling || header.length > room) {
        return false;
    }
    struct slice payload = slice_of(segment->map + offset + sizeof(header), header.length);
    uint32_t payload_crc = padding ? 0 : crc32c(0, payload.ptr, payload.len);
    if (record_crc(payload_crc, &header) != header.crc) {
        return false;
    }
    *ret_header = header;
    *ret_payload = payload;
    return true;
}

uint64_t segment_scan(struct segment *segment)
{
    uint64_t offset = SEGMENT_HEADER_BYTES;
    uint64_t sequence = segment->first_record;
    struct record_header header;
    struct slice payload;
    while (segment_record(segment, offset, sequence, &header, &payload)) {
        offset += record_space(header.length);
        if (header.kind != RECORD_KIND_PADDING) {
            sequence++;
        }
    }
    atomic_store(&segment->used, offset);
    atomic_store(&segment->sealed, true);
    segment->synced = 0;
    segment_drop_pages(segment, 0, segment->bytes);
    return sequence;
}

void segment_prefault(struct segment *segment, uint64_t to)
{
    uint64_t end = to < segment->bytes ? to : segment->bytes;
    uint64_t from = segment->prefaulted;
    end = (end + SEGMENT_PAGE - 1) & ~(uint64_t)(SEGMENT_PAGE - 1);
    if (end > from) {
        (void)madvise(segment->map + from, end - from, MADV_POPULATE_WRITE);
        segment->prefaulted = end;
    }
}

void segment_drop_pages(struct segment *segment, uint64_t from, uint64_t to)
{
    uint64_t page = SEGMENT_PAGE;
    from = (from + page - 1) & ~(page - 1);
    to = to & ~(page - 1);
    if (to > from) {
        (void)madvise(segment->map + from, to - from, MADV_DONTNEED);
    }
}
