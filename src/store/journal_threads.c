/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* pthread_setname_np */
/*
 * The two threads that keep the disk away from the appends.
 *
 * The syncer closes the page that is being filled with a padding record and syncs what is before
 * it: no append touches a page while it is written, which the kernel would make it wait for.
 * The preparer keeps the pages ahead of the end present and one segment ready, from those that are
 * read to their end or new. They are two because a sync may take seconds on a bad disk, and pages
 * are wanted meanwhile.
 */
#include "store/journal_internal.h"

#include "base/fault.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PREPARE_RETRY_MS 200
/* Half a window is written in less: it doubles; in more: it is halved. */
#define WINDOW_SHORT_NS (250 * NS_PER_MS)
#define WINDOW_LONG_NS (2 * NS_PER_S)

void journal_call_preparer(struct journal *journal)
{
    journal->prepare_wanted = true;
    pthread_cond_signal(&journal->preparer_wakes);
}

struct timespec journal_deadline(uint64_t ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    uint64_t ns = (uint64_t)at.tv_nsec + ms % 1000 * NS_PER_MS;
    at.tv_sec += (time_t)(ms / 1000 + ns / NS_PER_S);
    at.tv_nsec = (long)(ns % NS_PER_S);
    return at;
}

/* Lock held. More segments are read to their end than are kept. */
static bool is_surplus(const struct journal *journal)
{
    size_t count = 0;
    for (const struct segment *s = journal->retired; s != NULL; s = s->next) {
        count++;
    }
    return count > RETIRED_KEPT;
}

/* --- syncing --------------------------------------------------------------------------------- */

/* Lock held. Fills the page at the end, so that the next append begins a fresh one. */
static void seal_page(struct journal *journal)
{
    struct segment *segment = journal->active;
    uint64_t used = atomic_load_explicit(&segment->used, memory_order_relaxed);
    uint64_t room = (0 - used) % SEGMENT_PAGE;
    if (room == 0) {
        return;
    }
    if (room < RECORD_HEADER_BYTES) {
        room += SEGMENT_PAGE;
    }
    if (room > segment->bytes - used) {
        return; /* the last page: no record fits behind it anyway */
    }
    struct record_header header = {
        .length = (uint32_t)(room - RECORD_HEADER_BYTES),
        .sequence = journal->end_record,
        .kind = RECORD_KIND_PADDING,
    };
    header.crc = record_crc(0, &header);
    memcpy(segment->map + used, &header, sizeof(header));
    atomic_store_explicit(&segment->used, used + room, memory_order_release);
}

/* Lock held. The oldest segment with something to sync, pinned; NULL when there is none. */
static struct segment *pin_unsynced(struct journal *journal, uint64_t *ret_to)
{
    for (struct segment *s = journal->oldest; s != NULL; s = s->next) {
        if (s == journal->active && s->synced < atomic_load(&s->used)) {
            seal_page(journal);
        }
        uint64_t used = atomic_load_explicit(&s->used, memory_order_relaxed);
        if (s->synced < used) {
            journal->syncing = s;
            *ret_to = used;
            return s;
        }
    }
    return NULL;
}

/* Writes one segment's pages out. True when there may be more to do. */
static bool sync_segment(struct journal *journal)
{
    uint64_t to = 0;
    pthread_mutex_lock(&journal->lock);
    struct segment *segment = pin_unsynced(journal, &to);
    pthread_mutex_unlock(&journal->lock);
    if (segment == NULL) {
        return false;
    }
    bool sealed = atomic_load(&segment->sealed);
    uint64_t from = segment->synced & ~(uint64_t)(SEGMENT_PAGE - 1);
    /* A new file's name must be as durable as its content. */
    bool named = from > 0 || fsync(journal->directory) == 0;
    bool done = msync(segment->map + from, to - from, MS_SYNC) == 0 && named;
    FAULT_POINT("journal.synced");
    if (!done) {
        log_event(LOG_ERROR, "journal_sync", "cannot sync the journal %s: %s", journal->path,
                  strerror(errno));
    } else if (sealed) {
        /* In an outage of the database many segments pile up: on the disk, not in memory. */
        segment_drop_pages(segment, 0, to);
    }
    pthread_mutex_lock(&journal->lock);
    segment->synced = done ? to : segment->synced;
    journal->syncing = NULL;
    /* The preparer may have waited for this segment. Else it is left alone: it would move its
     * window at each sync, and so never find out that the journal is written to more slowly. */
    if (journal->retired != NULL && (journal->spare == NULL || is_surplus(journal))) {
        journal_call_preparer(journal);
    }
    pthread_mutex_unlock(&journal->lock);
    return done && sealed;
}

void journal_sync(struct journal *journal)
{
    int64_t start = clock_monotonic(&clock_system);
    bool more = true;
    while (more) {
        more = sync_segment(journal);
    }
    int64_t us = (clock_monotonic(&clock_system) - start) / NS_PER_US;
    pthread_mutex_lock(&journal->lock);
    journal->sync_lag_us = (uint64_t)us;
    pthread_mutex_unlock(&journal->lock);
}

static void *syncer_main(void *argument)
{
    struct journal *journal = argument;
    pthread_setname_np(pthread_self(), "sluice-sync");
    pthread_mutex_lock(&journal->lock);
    uint64_t seen = journal->end_record - 1;
    while (!journal->stopping) {
        struct timespec at = journal_deadline(journal->sync_ms);
        pthread_cond_timedwait(&journal->syncer_wakes, &journal->lock, &at);
        if (journal->end_record != seen) {
            seen = journal->end_record;
            pthread_mutex_unlock(&journal->lock);
            journal_sync(journal);
            pthread_mutex_lock(&journal->lock);
        }
    }
    pthread_mutex_unlock(&journal->lock);
    return NULL;
}

/* --- preparing ------------------------------------------------------------------------------- */

/* Lock held. The retired segment that nobody uses any more, the oldest of several, as its pages are
 * the least likely to be in memory still; NULL when there is none. */
static struct segment *take_retired(struct journal *journal)
{
    struct segment **last = NULL; /* the newest is the first of the list */
    for (struct segment **at = &journal->retired; *at != NULL; at = &(*at)->next) {
        last = *at == journal->syncing ? last : at;
    }
    struct segment *segment = last == NULL ? NULL : *last;
    if (segment != NULL) {
        *last = segment->next;
    }
    return segment;
}

static void remove_file(struct journal *journal, struct segment *segment)
{
    char name[SEGMENT_NAME_SIZE];
    unlinkat(journal->directory, segment_name(segment->number, name), 0);
    segment_free(segment);
}

/* A segment with this number from a retired one or a new file; NULL when the disk refuses. */
static struct segment *make_spare(struct journal *journal, struct segment *retired, uint64_t number)
{
    struct error error;
    struct segment *spare = retired;
    FAULT_POINT("journal.prepare");
    if (retired != NULL && (retired->bytes != journal->segment_bytes ||
                            !segment_recycle(retired, journal->directory, number))) {
        remove_file(journal, retired);
        spare = NULL;
    }
    if (spare == NULL) {
        spare = segment_create(journal->directory, number, journal->segment_bytes, &error);
    }
    FAULT_POINT("journal.prepared");
    if (spare == NULL) {
        if (!journal->prepare_failed) {
            log_event(LOG_ERROR, "journal_prepare", "%s", error.text);
        }
        return NULL;
    }
    return spare;
}

/* Lock held, and released for the work. */
static void remove_surplus(struct journal *journal)
{
    struct segment *surplus;
    while (is_surplus(journal) && (surplus = take_retired(journal)) != NULL) {
        pthread_mutex_unlock(&journal->lock);
        remove_file(journal, surplus);
        pthread_mutex_lock(&journal->lock);
    }
}

/* Lock held, and released for the work. */
static void prepare_spare(struct journal *journal)
{
    struct segment *retired = take_retired(journal);
    uint64_t number = journal->active->number + 1; /* no rotation without a spare */
    pthread_mutex_unlock(&journal->lock);
    struct segment *spare = make_spare(journal, retired, number);
    pthread_mutex_lock(&journal->lock);
    journal->spare = spare;
    journal->prepare_failed = spare == NULL;
    pthread_cond_broadcast(&journal->spare_ready);
}

/* How fast the journal grows says how far ahead its pages are wanted. */
static void fit_window(struct journal *journal)
{
    int64_t now_ns = clock_monotonic(&clock_system);
    int64_t since_ns = now_ns - journal->window_ns;
    if (since_ns < WINDOW_SHORT_NS && journal->window < PREFAULT_MOST) {
        journal->window *= 2;
    } else if (since_ns > WINDOW_LONG_NS && journal->window > PREFAULT_LEAST) {
        journal->window /= 2;
    }
    journal->window_ns = now_ns;
}

/* Lock held, and released for the work. Only this thread prefaults, and the active segment stays
 * mapped: it can be retired only after a rotation, and then only by this thread. */
static void prepare_window(struct journal *journal)
{
    struct segment *active = journal->active;
    uint64_t used = atomic_load_explicit(&active->used, memory_order_relaxed);
    pthread_mutex_unlock(&journal->lock);
    if (used + journal->window / 2 >= active->prefaulted) {
        fit_window(journal);
    }
    segment_prefault(active, used + journal->window);
    pthread_mutex_lock(&journal->lock);
    if (journal->active == active) {
        journal->prepare_at = active->prefaulted >= active->bytes
                                  ? UINT64_MAX
                                  : active->prefaulted - journal->window / 2;
    } else {
        journal->prepare_wanted = true;
    }
}

/* Lock held, and released for the work. The spare's first pages, when it comes next; it may become
 * the active one meanwhile. */
static void prepare_next(struct journal *journal)
{
    struct segment *spare = journal->spare;
    if (spare != NULL && journal->active->prefaulted >= journal->active->bytes) {
        pthread_mutex_unlock(&journal->lock);
        segment_prefault(spare, journal->window);
        pthread_mutex_lock(&journal->lock);
    }
}

static void *preparer_main(void *argument)
{
    struct journal *journal = argument;
    pthread_setname_np(pthread_self(), "sluice-prepare");
    bool ready = false;
    pthread_mutex_lock(&journal->lock);
    while (!journal->stopping) {
        if (journal->prepare_wanted) {
            journal->prepare_wanted = false;
            prepare_window(journal);
            if (journal->spare == NULL) {
                prepare_spare(journal);
            }
            ready = !journal->prepare_failed;
            remove_surplus(journal);
            prepare_next(journal);
        } else if (ready) {
            pthread_cond_wait(&journal->preparer_wakes, &journal->lock);
        } else {
            struct timespec at = journal_deadline(PREPARE_RETRY_MS);
            pthread_cond_timedwait(&journal->preparer_wakes, &journal->lock, &at);
            journal->prepare_wanted = true;
        }
    }
    pthread_mutex_unlock(&journal->lock);
    return NULL;
}

/* --- starting and stopping -------------------------------------------------------------------- */

bool journal_threads_start(struct journal *journal, struct error *error)
{
    journal->prepare_wanted = true;
    journal->preparer_runs = pthread_create(&journal->preparer, NULL, preparer_main, journal) == 0;
    journal->syncer_runs =
        journal->preparer_runs && pthread_create(&journal->syncer, NULL, syncer_main, journal) == 0;
    if (!journal->syncer_runs) {
        journal_threads_stop(journal);
        return error_set(error, ERROR_ENVIRONMENT, "journal_threads",
                         "cannot start the threads of the journal");
    }
    return true;
}

void journal_threads_stop(struct journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    journal->stopping = true;
    pthread_cond_signal(&journal->preparer_wakes);
    pthread_cond_signal(&journal->syncer_wakes);
    pthread_mutex_unlock(&journal->lock);
    if (journal->preparer_runs) {
        pthread_join(journal->preparer, NULL);
    }
    if (journal->syncer_runs) {
        pthread_join(journal->syncer, NULL);
    }
}
