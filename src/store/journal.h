/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal: checksummed records in preallocated, prefaulted, memory-mapped segment files. An
 * append is a copy under one short lock: it survives kill -9 at once and blocks on no disk; a
 * thread of its own syncs every `sync_ms` (what a power loss can take), another prepares the pages
 * and the segment that come next. A reader (the ledger writer) follows it and gives finished
 * segments back for reuse. Any thread appends.
 *
 * File format (little endian), file NUMBER.journal in 16 hexadecimal digits:
 *   segment header, 64 bytes: magic "SLJOURN1", version (u32), CRC-32C (u32) of the other 56 bytes
 *     with those four as zero, number (u64), first record's sequence (u64), creation in wall ns
 *     (i64), zeros;
 *   records, each aligned to 8 bytes: length of the payload (u32), CRC-32C (u32) of the payload
 *     followed by sequence, kind and time, sequence (u64), kind (u32), time in ms since the
 *     segment's creation (u32), payload, padding to 8 bytes.
 * The sequence counts all records since the journal began. Padding records (kind 0) fill the rest
 * of a page before it is synced, so that no append ever touches a page that is being written; they
 * carry the next record's sequence, and their payload is not covered by the checksum. A torn, zero
 * or stale record ends a segment.
 */
#ifndef SLUICE_STORE_JOURNAL_H
#define SLUICE_STORE_JOURNAL_H

#include "base/clock.h"
#include "base/error.h"
#include "store/evidence_record.h"
#include "store/record.h"

struct journal;

struct journal_position {
    uint64_t segment; /* number of the segment; 0: before everything */
    uint64_t offset;
    uint64_t record; /* how many records are before it, since the journal began */
};

struct journal_options {
    const char *directory; /* created 0700 */
    size_t segment_bytes;  /* 0: 16 MB; rounded to whole pages, 64 KB..1 GB */
    size_t segments_max;   /* ceiling of unread segments: then append fails ("journal_full");
                              0: 64, at least 2 */
    uint64_t sync_ms;      /* 0: 50 */
    /* Where the reader goes on; what is before it is deleted. Zero: from what is oldest. */
    struct journal_position resume;
    /* The reader has applied what is before it, even if a power loss took some of that from here:
     * no new record has a lower number. 0: as `resume` says. */
    uint64_t applied_record;
    const struct clock *clock; /* NULL: the machine's */
};

/* Opens or creates; finds the end of what was written before. Takes a lock on the directory: a
 * second process is refused with its pid ("journal_locked"). */
MUST_USE struct journal *journal_open(const struct journal_options *options, struct error *error);
/* Syncs and closes. No append may run or follow. NULL-safe. */
void journal_close(struct journal *journal);

/* True: the record is in the journal (page cache). False only when the journal is full or the disk
 * refuses. Holds (and calls without attempts) are refused first: half a segment is kept for the
 * settles and closing records of what is under way. Names beyond 255 bytes and a loss beyond 1023
 * are cut. */
MUST_USE bool journal_hold(struct journal *journal, const struct hold_record *record);
MUST_USE bool journal_settle(struct journal *journal, const struct settle_record *record);
MUST_USE bool journal_call(struct journal *journal, const struct call_record *record);
/* The attempt's settle and the call's closing record as one append (one lock, all or nothing). */
MUST_USE bool journal_settle_and_call(struct journal *journal, const struct settle_record *settle,
                                      const struct call_record *call);
/* An offer, before the first record that names it. Again: nothing changes. */
MUST_USE bool journal_offer(struct journal *journal, const struct offer *offer);
/* What an answer was worth, after its call's closing record or during the call. */
MUST_USE bool journal_evidence(struct journal *journal, const struct evidence_record *record);

struct journal_stats {
    uint64_t records;               /* appended by this process */
    uint64_t bytes;                 /* the same, with their headers */
    uint64_t unread_records;        /* appended, not yet consumed */
    uint64_t oldest_unread_wall_ns; /* when it was appended, to 1 ms; 0: none */
    uint64_t sync_lag_us;           /* duration of the last sync */
    uint64_t refused;               /* appends that found it full */
    uint64_t damaged;               /* records that were skipped because they could not be read */
    size_t segments;                /* in use */
};
void journal_stats(struct journal *journal, struct journal_stats *ret_stats);

enum journal_kind {
    JOURNAL_HOLD = 1,
    JOURNAL_SETTLE = 2,
    JOURNAL_CALL = 3,
    JOURNAL_SETTLE_AND_CALL = 4,
    JOURNAL_OFFER = 5,
    JOURNAL_EVIDENCE = 6
};
struct journal_entry {
    enum journal_kind kind;
    struct journal_position after; /* position behind it */
    struct hold_record hold;       /* the members that belong to the kind are valid */
    struct settle_record settle;
    struct call_record call;
    struct offer offer;
    struct evidence_record evidence;
};
/* One reader. Next record at or after *position, which moves behind it; slices point into the
 * mapping until journal_consumed() passes it. False: nothing more now. */
bool journal_read(struct journal *journal, struct journal_position *position,
                  struct journal_entry *ret_entry);
/* Everything before `position` is safe elsewhere: segments may be reused. The reader's thread. */
void journal_consumed(struct journal *journal, struct journal_position position);
/* Blocks until `count` records were appended after `position`, `ms` passed, or journal_wake(). The
 * reader's thread. */
void journal_wait(struct journal *journal, struct journal_position position, uint64_t count,
                  uint64_t ms);
/* Any thread. A wake while nobody waits ends the next wait at once. */
void journal_wake(struct journal *journal);
/* The position behind the last append. Any thread. */
struct journal_position journal_end(struct journal *journal);

#endif
