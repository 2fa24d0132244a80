/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One segment file of the journal and its mapping: how it is made, checked, scanned and given up.
 * No locking here; the journal says which thread may do what.
 */
#ifndef SLUICE_STORE_JOURNAL_SEGMENT_H
#define SLUICE_STORE_JOURNAL_SEGMENT_H

#include "base/error.h"
#include "base/slice.h"

#include <stdatomic.h>

#define SEGMENT_HEADER_BYTES 64
#define SEGMENT_BYTES_MIN ((size_t)64 << 10)
#define SEGMENT_BYTES_MAX ((size_t)1 << 30)
#define SEGMENT_PAGE 4096
#define RECORD_HEADER_BYTES 24
#define SEGMENT_NAME_SIZE 32

#define RECORD_KIND_PADDING 0

struct segment {
    struct segment *next; /* newer */
    uint64_t number;
    char *map;
    size_t bytes;
    uint64_t first_record; /* sequence of its first record */
    int64_t created_wall_ns;
    _Atomic uint64_t used; /* end of the valid records; moves while it is the active one */
    atomic_bool sealed;    /* nothing more will be appended */
    uint64_t synced;       /* the syncer's: everything before it is on the disk */
    uint64_t prefaulted;   /* the preparer's: everything before it was touched */
    uint64_t dropped;      /* the reader's: pages before it were given up */
};

/* Fixed part of a record, as it stands in the file. */
struct record_header {
    uint32_t length;
    uint32_t crc;
    uint64_t sequence;
    uint32_t kind;
    uint32_t time_ms;
};
_Static_assert(sizeof(struct record_header) == RECORD_HEADER_BYTES, "as in the file");

static inline size_t record_space(size_t payload)
{
    return (RECORD_HEADER_BYTES + payload + 7) & ~(size_t)7;
}

/* Checksum of a record whose payload has the checksum `payload_crc`. */
uint32_t record_crc(uint32_t payload_crc, const struct record_header *header);

char *segment_name(uint64_t number, char buffer[SEGMENT_NAME_SIZE]);
MUST_USE bool segment_name_parse(const char *name, uint64_t *ret_number);

/* A new file of `bytes` with all its blocks allocated, mapped; its header is not yet written. */
MUST_USE struct segment *segment_create(int directory, uint64_t number, size_t bytes,
                                        struct error *error);
/* Maps an existing file. */
MUST_USE struct segment *segment_map(int directory, uint64_t number, struct error *error);
/* Unmaps; the file stays. NULL-safe. */
void segment_free(struct segment *segment);
/* Gives a segment that nobody needs a new number and file name. */
MUST_USE bool segment_recycle(struct segment *segment, int directory, uint64_t number);
/* Writes the header: from here on the file counts. Copies only; blocks on nothing. */
void segment_begin(struct segment *segment, uint64_t first_record, int64_t wall_ns);

enum segment_state {
    SEGMENT_VALID,
    SEGMENT_UNUSED,      /* prepared and never begun */
    SEGMENT_DAMAGED,     /* a header that cannot be read */
    SEGMENT_FROM_FUTURE, /* a version that this program does not know */
};
/* Reads the header of a mapped file into the segment. */
enum segment_state segment_check(struct segment *segment);
/* Walks the records: sets `used` and seals it. Returns the sequence behind its last record. */
uint64_t segment_scan(struct segment *segment);

/* The record at `offset`, checked in full. False: no valid record with this sequence there. */
MUST_USE bool segment_record(const struct segment *segment, uint64_t offset, uint64_t sequence,
                             struct record_header *ret_header, struct slice *ret_payload);

/* Makes the pages up to `to` present and writable, so that an append there takes no fault. On a
 * kernel before 5.14 it does nothing, and appends take the faults. */
void segment_prefault(struct segment *segment, uint64_t to);
/* Takes the pages of [from, to) out of this process's memory; the file keeps them. */
void segment_drop_pages(struct segment *segment, uint64_t from, uint64_t to);

#endif
