/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal: checksummed records in preallocated, prefaulted, memory-mapped segment files. An append is a copy under one
 * short lock: it survives kill -9 at once and blocks on no disk; a thread of its own syncs every `sync_ms` (what a power
 * loss can take). A reader (the ledger writer) follows it and gives finished segments back for reuse. Any thread appends.
 *
 * File format: segment = 64-byte header (magic, version, sequence, creation), then records: length (u32), CRC-32C (u32) of
 * kind, sequence number and payload, kind (u32), sequence (u64), payload, padded to 8 bytes. A torn or zero record ends a segment.
 */
#ifndef SLUICE_STORE_JOURNAL_H
#define SLUICE_STORE_JOURNAL_H

#include "base/error.h"
#include "store/record.h"

struct journal;

struct journal_options {
    const char *directory;    /* created 0700 */
    size_t segment_bytes;     /* 16 MB */
    size_t segments_max;      /* ceiling of unread segments: then append fails ("journal_full") */
    uint64_t sync_ms;         /* 50 */
};

struct journal_position {
    uint64_t segment; /* sequence of the segment */
    uint64_t offset;
};

/* Opens or creates; finds the end of what was written before. Takes a lock on the directory: a second process is refused with
   its pid. */
MUST_USE struct journal *journal_open(const struct journal_options *options, struct error *error);
/* Syncs and closes. */
void journal_close(struct journal *journal);

/* True: the record is in the journal (page cache). False only when the journal is full or broken. */
MUST_USE bool journal_hold(struct journal *journal, const struct hold_record *record);
MUST_USE bool journal_settle(struct journal *journal, const struct settle_record *record);
MUST_USE bool journal_call(struct journal *journal, const struct call_record *record);
/* The attempt's settle and the call's closing record as one append (one lock, all or nothing). */
MUST_USE bool journal_settle_and_call(struct journal *journal, const struct settle_record *settle, const struct call_record *call);

struct journal_stats {
    uint64_t records;
    uint64_t bytes;
    uint64_t unread_records; /* appended, not yet consumed */
    uint64_t oldest_unread_wall_ns; /* 0: none */
    uint64_t sync_lag_us;    /* of the last sync */
    uint64_t refused;
};
void journal_stats(struct journal *journal, struct journal_stats *ret_stats);

enum journal_kind { JOURNAL_HOLD = 1, JOURNAL_SETTLE = 2, JOURNAL_CALL = 3 };
struct journal_entry {
    enum journal_kind kind;
    struct journal_position after; /* position behind it */
    union {
        struct hold_record hold;
        struct settle_record settle;
        struct call_record call;
    };
};
/* One reader. Next record at or after *position; slices point into the mapping until journal_consumed() passes it.
   False: nothing more now. */
bool journal_read(struct journal *journal, struct journal_position *position, struct journal_entry *ret_entry);
/* Everything before `position` is safe elsewhere: segments may be reused. */
void journal_consumed(struct journal *journal, struct journal_position position);
/* Blocks until something was appended after `position`, `ms` passed, or journal_wake(). */
void journal_wait(struct journal *journal, struct journal_position position, uint64_t ms);
void journal_wake(struct journal *journal);

#endif
