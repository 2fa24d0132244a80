/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the journal share. `lock` guards every member that is not named otherwise; it
 * is held for copies and pointer changes only, never over a system call that may wait for a disk.
 *
 * Life of a segment: prepared (`spare`) -> active (end of the list) -> sealed (in the list) ->
 * retired (read to its end; `retired`) -> prepared again, or removed.
 */
#ifndef SLUICE_STORE_JOURNAL_INTERNAL_H
#define SLUICE_STORE_JOURNAL_INTERNAL_H

#include "store/journal.h"
#include "store/journal_segment.h"

#include <pthread.h>
#include <time.h>

/* Bytes ahead of the end whose pages are kept present. The most is for 50 ms of 20,000 calls a
 * second; a journal that is hardly written to keeps the least, and memory for nothing else. */
#define PREFAULT_LEAST ((uint64_t)64 << 10)
#define PREFAULT_MOST ((uint64_t)512 << 10)
/* Segments that are read to their end and wait to be prepared again. A file that is overwritten has
 * its blocks and its pages; a new one costs three times as much for each page. */
#define RETIRED_KEPT 1
/* Pages behind the reader are given up in steps of this many bytes. */
#define DROP_STEP ((uint64_t)256 << 10)

struct journal {
    const struct clock *clock;
    char *path; /* of the directory, for messages */
    int directory;
    int lock_file;
    size_t segment_bytes;
    size_t segments_max;
    uint64_t sync_ms;

    pthread_mutex_t lock;
    struct segment *oldest;
    struct segment *active; /* the newest */
    size_t segments;        /* in the list */
    struct segment *spare;
    struct segment *retired;
    struct segment *syncing; /* the syncer is in msync() on it: it must stay mapped */
    uint64_t end_record;     /* sequence of the next record */
    uint64_t prepare_at;     /* the preparer is called when the active one is used up to here */
    uint64_t window;         /* the preparer's: PREFAULT_LEAST to _MOST */
    int64_t window_ns;       /* the preparer's: when it was last looked at, monotonic */
    bool prepare_failed;     /* the disk refused the next segment */
    int64_t refusal_said_ns; /* in the log, monotonic; 0: never */

    struct journal_position consumed;
    uint64_t wake_at; /* the reader waits for this sequence; UINT64_MAX: it does not wait */
    bool woken;
    pthread_cond_t reader_wakes;

    bool stopping;
    bool prepare_wanted;
    pthread_cond_t spare_ready;
    pthread_cond_t preparer_wakes;
    pthread_cond_t syncer_wakes;
    pthread_t preparer;
    pthread_t syncer;
    bool preparer_runs;
    bool syncer_runs;

    struct segment *reading; /* the reader's: cache of its position's segment */
    uint64_t start_records;  /* end_record at the start, for the statistics */
    uint64_t bytes_appended;
    uint64_t refused;
    uint64_t damaged;
    uint64_t sync_lag_us;
};

/* --- journal_directory.c --- */
MUST_USE bool journal_directory_open(struct journal *journal, const char *path,
                                     struct error *error);
void journal_directory_close(struct journal *journal);
/* Maps and scans what is there into the list; removes what the reader needs no more. Returns the
 * highest number seen in *ret_last. */
MUST_USE bool journal_directory_load(struct journal *journal, struct journal_position resume,
                                     uint64_t *ret_last, struct error *error);

/* --- journal_threads.c --- */
MUST_USE bool journal_threads_start(struct journal *journal, struct error *error);
void journal_threads_stop(struct journal *journal);
/* One step of the syncer: writes out what was appended before the call. */
void journal_sync(struct journal *journal);
/* Lock held. */
void journal_call_preparer(struct journal *journal);
/* That many milliseconds from now, on the clock of the conditions. */
struct timespec journal_deadline(uint64_t ms);

#endif
