/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reading side. It takes no lock as long as it stays in one segment: the writers publish `used`
 * with release order after the bytes.
 */
#include "store/journal_internal.h"

#include "base/log.h"
#include "store/record_codec.h"

/* The segment of the position, or the first one after it; the position moves to its start then. */
static struct segment *find_segment(struct journal *journal, struct journal_position *position)
{
    struct segment *segment = journal->reading;
    if (segment != NULL && segment->number == position->segment) {
        return segment;
    }
    pthread_mutex_lock(&journal->lock);
    segment = journal->oldest;
    while (segment->number < position->segment && segment->next != NULL) {
        segment = segment->next;
    }
    pthread_mutex_unlock(&journal->lock);
    if (segment->number != position->segment) {
        *position =
            (struct journal_position){segment->number, SEGMENT_HEADER_BYTES, segment->first_record};
    }
    journal->reading = segment;
    return segment;
}

/* Moves to the next segment if this one is sealed and read to its end. */
static bool next_segment(struct journal *journal, struct segment *segment,
                         struct journal_position *position)
{
    if (!atomic_load_explicit(&segment->sealed, memory_order_acquire) ||
        position->offset < atomic_load_explicit(&segment->used, memory_order_acquire)) {
        return false;
    }
    pthread_mutex_lock(&journal->lock);
    struct segment *next = segment->next;
    pthread_mutex_unlock(&journal->lock);
    if (next == NULL) {
        return false;
    }
    *position = (struct journal_position){next->number, SEGMENT_HEADER_BYTES, next->first_record};
    journal->reading = next;
    return true;
}

static bool decode(uint32_t kind, struct slice payload, struct journal_entry *entry)
{
    entry->kind = (enum journal_kind)kind;
    switch (kind) {
    case JOURNAL_HOLD:
        return record_decode_hold(payload, &entry->hold);
    case JOURNAL_SETTLE:
        return record_decode_settle(payload, &entry->settle);
    case JOURNAL_CALL:
        return record_decode_call(payload, &entry->call);
    case JOURNAL_SETTLE_AND_CALL:
        return record_decode_pair(payload, &entry->settle, &entry->call);
    case JOURNAL_OFFER:
        return record_decode_offer(payload, &entry->offer);
    case JOURNAL_EVIDENCE:
        return evidence_record_decode(payload, &entry->evidence);
    default:
        return false;
    }
}

static void count_damaged(struct journal *journal, const struct journal_position *position)
{
    pthread_mutex_lock(&journal->lock);
    journal->damaged++;
    pthread_mutex_unlock(&journal->lock);
    log_event(
        LOG_ERROR, "journal_record",
        "a record of the journal %s cannot be read and is skipped (segment %llu, offset %llu)",
        journal->path, (unsigned long long)position->segment, (unsigned long long)position->offset);
}

enum step { STEP_ENTRY, STEP_SKIP, STEP_END };

/* One record of this segment at the position, which is before `used`. */
static enum step read_record(struct journal *journal, struct segment *segment,
                             struct journal_position *position, struct journal_entry *entry)
{
    struct record_header header;
    struct slice payload;
    if (!segment_record(segment, position->offset, position->record, &header, &payload)) {
        /* Its bytes changed after they were written, or the position is not a record's: what
           follows in this segment cannot be found any more. */
        count_damaged(journal, position);
        position->offset = atomic_load_explicit(&segment->used, memory_order_acquire);
        return STEP_SKIP;
    }
    bool padding = header.kind == RECORD_KIND_PADDING;
    bool good = !padding && decode(header.kind, payload, entry);
    if (!padding && !good) {
        count_damaged(journal, position);
    }
    position->offset += record_space(header.length);
    position->record += padding ? 0 : 1;
    return good ? STEP_ENTRY : STEP_SKIP;
}

bool journal_read(struct journal *journal, struct journal_position *position,
                  struct journal_entry *ret_entry)
{
    for (;;) {
        struct segment *segment = find_segment(journal, position);
        if (position->offset < atomic_load_explicit(&segment->used, memory_order_acquire)) {
            if (read_record(journal, segment, position, ret_entry) == STEP_ENTRY) {
                ret_entry->after = *position;
                return true;
            }
        } else if (!next_segment(journal, segment, position)) {
            return false;
        }
    }
}

/* Lock held. Takes what is read to its end out of the list. */
static void retire_segments(struct journal *journal)
{
    while (journal->oldest != journal->active &&
           journal->oldest->number < journal->consumed.segment) {
        struct segment *done = journal->oldest;
        journal->oldest = done->next;
        journal->segments--;
        if (journal->reading == done) {
            journal->reading = NULL;
        }
        done->next = journal->retired;
        journal->retired = done;
        journal_call_preparer(journal);
    }
}

void journal_consumed(struct journal *journal, struct journal_position position)
{
    pthread_mutex_lock(&journal->lock);
    journal->consumed = position;
    retire_segments(journal);
    pthread_mutex_unlock(&journal->lock);
    struct segment *segment = find_segment(journal, &position);
    if (position.offset >= segment->dropped + DROP_STEP) {
        segment_drop_pages(segment, segment->dropped, position.offset);
        segment->dropped = position.offset & ~(uint64_t)(SEGMENT_PAGE - 1);
    }
}

void journal_wait(struct journal *journal, struct journal_position position, uint64_t count,
                  uint64_t ms)
{
    struct timespec until = journal_deadline(ms);
    pthread_mutex_lock(&journal->lock);
    uint64_t wanted = position.record + (count == 0 ? 1 : count);
    int status = 0;
    while (!journal->woken && journal->end_record < wanted && status == 0) {
        journal->wake_at = wanted;
        status = pthread_cond_timedwait(&journal->reader_wakes, &journal->lock, &until);
    }
    journal->wake_at = UINT64_MAX;
    journal->woken = false;
    pthread_mutex_unlock(&journal->lock);
}

void journal_wake(struct journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    journal->woken = true;
    pthread_cond_signal(&journal->reader_wakes);
    pthread_mutex_unlock(&journal->lock);
}
