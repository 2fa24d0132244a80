/* SPDX-License-Identifier: Apache-2.0 */
#include "store/journal.h"

#include "base/fault.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/journal_internal.h"
#include "store/record_codec.h"

#define SEGMENT_BYTES_DEFAULT ((size_t)16 << 20)
#define SEGMENTS_DEFAULT 64
#define SEGMENTS_MIN 2
#define SYNC_MS_DEFAULT 50
#define SPARE_WAIT_MS 250
#define REFUSAL_REPEAT_NS (60 * NS_PER_S)

/* --- appending -------------------------------------------------------------------------------- */

/* Lock held. Puts the prepared segment at the end of the list; blocks on nothing. */
static void begin_spare(struct journal *journal)
{
    struct segment *next = journal->spare;
    FAULT_POINT("journal.rotate");
    journal->spare = NULL;
    segment_begin(next, journal->end_record, clock_wall(journal->clock));
    FAULT_POINT("journal.rotated");
    atomic_store_explicit(&journal->active->sealed, true, memory_order_release);
    journal->active->next = next;
    journal->active = next;
    journal->segments++;
    journal->prepare_at = 0; /* its window, and the next spare */
}

/* Lock held. The active segment has room for a record that needs `space`. */
static bool has_room(const struct journal *journal, size_t space)
{
    const struct segment *active = journal->active;
    return space <= active->bytes - atomic_load_explicit(&active->used, memory_order_relaxed);
}

/*
 * Lock held. What begins something may not take the room that its end will need: in the last
 * segment that there will be, half is kept for settles and closing records of what is under way.
 */
static bool may_begin(const struct journal *journal, size_t space)
{
    const struct segment *active = journal->active;
    bool more = journal->segments < journal->segments_max &&
                (journal->spare != NULL || !journal->prepare_failed);
    return more || has_room(journal, space + active->bytes / 2);
}

/*
 * Lock held. Goes on to the prepared segment. The preparer has seconds for each of them; if it is
 * late all the same, waiting a moment for it is better than to refuse a call.
 */
static bool make_room(struct journal *journal, size_t space)
{
    struct timespec until = journal_deadline(SPARE_WAIT_MS);
    int status = 0;
    while (!has_room(journal, space)) {
        if (journal->segments >= journal->segments_max || journal->prepare_failed || status != 0) {
            journal_call_preparer(journal);
            return false;
        }
        if (journal->spare != NULL) {
            begin_spare(journal);
            return true;
        }
        journal_call_preparer(journal);
        status = pthread_cond_timedwait(&journal->spare_ready, &journal->lock, &until);
    }
    return true;
}

/* Lock held. Said once a minute, however often the journal becomes full meanwhile. */
static void refuse(struct journal *journal)
{
    int64_t now_ns = clock_monotonic(journal->clock);
    journal->refused++;
    if (journal->refusal_said_ns == 0 || now_ns - journal->refusal_said_ns > REFUSAL_REPEAT_NS) {
        journal->refusal_said_ns = now_ns;
        log_event(LOG_ERROR, "journal_full",
                  "the journal %s takes no more records: %zu of %zu segments are unread",
                  journal->path, journal->segments, journal->segments_max);
    }
}

static uint32_t ms_since(const struct segment *segment, int64_t wall_ns)
{
    int64_t ms = (wall_ns - segment->created_wall_ns) / NS_PER_MS;
    return ms < 0 ? 0 : ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

/* Lock held. Copies header and payload, then publishes the new end. */
static void write_record(struct journal *journal, uint32_t kind, int64_t wall_ns,
                         struct slice payload, uint32_t payload_crc)
{
    struct segment *segment = journal->active;
    uint64_t at = atomic_load_explicit(&segment->used, memory_order_relaxed);
    struct record_header header = {
        .length = (uint32_t)payload.len,
        .sequence = journal->end_record,
        .kind = kind,
        .time_ms = ms_since(segment, wall_ns),
    };
    header.crc = record_crc(payload_crc, &header);
    FAULT_POINT("journal.before_append");
    memcpy(segment->map + at + RECORD_HEADER_BYTES, payload.ptr, payload.len);
    FAULT_POINT("journal.in_append");
    memcpy(segment->map + at, &header, sizeof(header));
    FAULT_POINT("journal.after_append");
    size_t space = record_space(payload.len);
    journal->end_record++;
    journal->bytes_appended += space;
    atomic_store_explicit(&segment->used, at + space, memory_order_release);
}

/* Lock held. */
static void wake_others(struct journal *journal)
{
    if (UNLIKELY(journal->end_record >= journal->wake_at)) {
        journal->wake_at = UINT64_MAX;
        pthread_cond_signal(&journal->reader_wakes);
    }
    uint64_t used = atomic_load_explicit(&journal->active->used, memory_order_relaxed);
    if (UNLIKELY(used >= journal->prepare_at)) {
        journal->prepare_at = UINT64_MAX;
        journal_call_preparer(journal);
    }
}

enum purpose { TO_BEGIN, TO_END };

/* `wall_ns` is about now. */
static bool append(struct journal *journal, enum journal_kind kind, enum purpose purpose,
                   int64_t wall_ns, struct slice payload)
{
    uint32_t payload_crc = crc32c(0, payload.ptr, payload.len);
    size_t space = record_space(payload.len);

    pthread_mutex_lock(&journal->lock);
    bool done = (purpose == TO_END || may_begin(journal, space)) &&
                (LIKELY(has_room(journal, space)) || make_room(journal, space));
    if (UNLIKELY(!done)) {
        refuse(journal);
    } else {
        write_record(journal, kind, wall_ns, payload, payload_crc);
        wake_others(journal);
    }
    pthread_mutex_unlock(&journal->lock);
    return done;
}

bool journal_hold(struct journal *journal, const struct hold_record *record)
{
    char bytes[RECORD_BYTES_MAX];
    return append(journal, JOURNAL_HOLD, TO_BEGIN, record->wall_ns,
                  slice_of(bytes, record_encode_hold(record, bytes)));
}

bool journal_settle(struct journal *journal, const struct settle_record *record)
{
    char bytes[RECORD_BYTES_MAX];
    return append(journal, JOURNAL_SETTLE, TO_END, record->wall_ns,
                  slice_of(bytes, record_encode_settle(record, bytes)));
}

bool journal_call(struct journal *journal, const struct call_record *record)
{
    char bytes[RECORD_BYTES_MAX];
    /* Without attempts it is the first and only record of its call. */
    return append(journal, JOURNAL_CALL, record->attempts == 0 ? TO_BEGIN : TO_END,
                  clock_wall(journal->clock), slice_of(bytes, record_encode_call(record, bytes)));
}

bool journal_settle_and_call(struct journal *journal, const struct settle_record *settle,
                             const struct call_record *call)
{
    char bytes[RECORD_PAIR_BYTES_MAX];
    return append(journal, JOURNAL_SETTLE_AND_CALL, TO_END, settle->wall_ns,
                  slice_of(bytes, record_encode_pair(settle, call, bytes)));
}

bool journal_offer(struct journal *journal, const struct offer *offer)
{
    char bytes[RECORD_BYTES_MAX];
    return append(journal, JOURNAL_OFFER, TO_BEGIN, clock_wall(journal->clock),
                  slice_of(bytes, record_encode_offer(offer, bytes)));
}

bool journal_evidence(struct journal *journal, const struct evidence_record *record)
{
    char bytes[EVIDENCE_BYTES_MAX];
    return append(journal, JOURNAL_EVIDENCE, TO_BEGIN, record->wall_ns,
                  slice_of(bytes, evidence_record_encode(record, bytes)));
}

/* --- opening and closing ---------------------------------------------------------------------- */

/* Conditions measure their timeouts on the monotonic clock. */
static void init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void init_lock(pthread_mutex_t *lock)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    /* Held for a fraction of a microsecond: spin a little before sleeping. */
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

static size_t segment_bytes_of(const struct journal_options *options)
{
    size_t bytes = options->segment_bytes == 0 ? SEGMENT_BYTES_DEFAULT : options->segment_bytes;
    bytes = bytes < SEGMENT_BYTES_MIN ? SEGMENT_BYTES_MIN : bytes;
    bytes = bytes > SEGMENT_BYTES_MAX ? SEGMENT_BYTES_MAX : bytes;
    return (bytes + SEGMENT_PAGE - 1) & ~(size_t)(SEGMENT_PAGE - 1);
}

static struct journal *journal_alloc(const struct journal_options *options)
{
    struct journal *journal = memory_array(1, sizeof(*journal));
    if (journal == NULL) {
        return NULL;
    }
    size_t max = options->segments_max == 0 ? SEGMENTS_DEFAULT : options->segments_max;
    journal->clock = options->clock == NULL ? &clock_system : options->clock;
    journal->directory = -1;
    journal->lock_file = -1;
    journal->segment_bytes = segment_bytes_of(options);
    journal->segments_max = max < SEGMENTS_MIN ? SEGMENTS_MIN : max;
    journal->sync_ms = options->sync_ms == 0 ? SYNC_MS_DEFAULT : options->sync_ms;
    journal->consumed = options->resume;
    journal->wake_at = UINT64_MAX;
    journal->window = PREFAULT_LEAST;
    init_lock(&journal->lock);
    init_condition(&journal->reader_wakes);
    init_condition(&journal->spare_ready);
    init_condition(&journal->preparer_wakes);
    init_condition(&journal->syncer_wakes);
    return journal;
}

/*
 * A new segment at each start: what a power loss left behind a torn record in the last one could
 * otherwise look like the continuation of what is appended now.
 */
static bool begin_segment(struct journal *journal, uint64_t number, struct error *error)
{
    struct segment *fresh =
        segment_create(journal->directory, number, journal->segment_bytes, error);
    if (fresh == NULL) {
        return false;
    }
    segment_prefault(fresh, journal->window);
    segment_begin(fresh, journal->end_record, clock_wall(journal->clock));
    if (journal->active == NULL) {
        journal->oldest = fresh;
    } else {
        journal->active->next = fresh;
    }
    journal->active = fresh;
    journal->segments++;
    return true;
}

static void free_list(struct segment *segment)
{
    while (segment != NULL) {
        struct segment *next = segment->next;
        segment_free(segment);
        segment = next;
    }
}

static void journal_free(struct journal *journal)
{
    free_list(journal->oldest);
    free_list(journal->retired);
    segment_free(journal->spare);
    journal_directory_close(journal);
    pthread_cond_destroy(&journal->reader_wakes);
    pthread_cond_destroy(&journal->spare_ready);
    pthread_cond_destroy(&journal->preparer_wakes);
    pthread_cond_destroy(&journal->syncer_wakes);
    pthread_mutex_destroy(&journal->lock);
    memory_free(journal);
}

struct journal *journal_open(const struct journal_options *options, struct error *error)
{
    struct journal *journal = journal_alloc(options);
    uint64_t last = 0;
    if (journal == NULL) {
        error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
        return NULL;
    }
    journal->end_record = options->applied_record > options->resume.record ? options->applied_record
                                                                           : options->resume.record;
    if (!journal_directory_open(journal, options->directory, error) ||
        !journal_directory_load(journal, options->resume, &last, error) ||
        !begin_segment(journal, last + 1, error)) {
        journal_free(journal);
        return NULL;
    }
    journal->start_records = journal->end_record;
    if (!journal_threads_start(journal, error)) {
        journal_free(journal);
        return NULL;
    }
    return journal;
}

void journal_close(struct journal *journal)
{
    if (journal == NULL) {
        return;
    }
    journal_threads_stop(journal);
    journal_sync(journal);
    journal_free(journal);
}

/* --- looking ------------------------------------------------------------------------------- */

/* Lock held. When the first record behind the consumed position was appended. */
static uint64_t oldest_unread(const struct journal *journal)
{
    uint64_t offset = journal->consumed.offset;
    for (const struct segment *segment = journal->oldest; segment != NULL;
         segment = segment->next, offset = SEGMENT_HEADER_BYTES) {
        if (segment->number != journal->consumed.segment || offset < SEGMENT_HEADER_BYTES) {
            offset = SEGMENT_HEADER_BYTES;
        }
        uint64_t used = atomic_load_explicit(&segment->used, memory_order_relaxed);
        while (offset + RECORD_HEADER_BYTES <= used) {
            struct record_header header;
            memcpy(&header, segment->map + offset, sizeof(header));
            if (header.kind != RECORD_KIND_PADDING) {
                return (uint64_t)(segment->created_wall_ns + header.time_ms * NS_PER_MS);
            }
            offset += record_space(header.length);
        }
    }
    return 0;
}

void journal_stats(struct journal *journal, struct journal_stats *ret_stats)
{
    pthread_mutex_lock(&journal->lock);
    uint64_t unread = journal->end_record - journal->consumed.record;
    *ret_stats = (struct journal_stats){
        .records = journal->end_record - journal->start_records,
        .bytes = journal->bytes_appended,
        .unread_records = unread,
        .oldest_unread_wall_ns = unread == 0 ? 0 : oldest_unread(journal),
        .sync_lag_us = journal->sync_lag_us,
        .refused = journal->refused,
        .damaged = journal->damaged,
        .segments = journal->segments,
    };
    pthread_mutex_unlock(&journal->lock);
}

struct journal_position journal_end(struct journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    struct journal_position end = {
        .segment = journal->active->number,
        .offset = atomic_load_explicit(&journal->active->used, memory_order_relaxed),
        .record = journal->end_record,
    };
    pthread_mutex_unlock(&journal->lock);
    return end;
}
