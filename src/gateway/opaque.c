/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/opaque.h"

#include "base/memory.h"
#include "dialect/reasoning_details.h"
#include "gateway/gateway.h"
#include "store/shared.h"

#define NOTES_MAX 64u
#define TEXT_MAX ((size_t)1 << 20)

enum note_text {
    NOTE_REASONING,
    NOTE_SIGNATURE,
    NOTE_DATA,
    NOTE_DATA_ID,
    NOTE_CALL,
    NOTE_DETAILS,
    NOTE_TEXTS
};

struct note {
    struct buf id; /* plain */
    struct buf texts[NOTE_TEXTS];
};

struct opaque_notes {
    struct note current;              /* what was thought since the last call; it has no id */
    struct reasoning_details details; /* of it, until the call begins */
    struct note notes[NOTES_MAX];
    size_t count;
};

static void note_init(struct note *note)
{
    buf_init(&note->id, SHARED_NAME_MAX);
    for (size_t i = 0; i < NOTE_TEXTS; i++) {
        buf_init(&note->texts[i], TEXT_MAX);
    }
}

static void note_release(struct note *note)
{
    buf_release(&note->id);
    for (size_t i = 0; i < NOTE_TEXTS; i++) {
        buf_release(&note->texts[i]);
    }
}

static bool note_is_empty(const struct note *note)
{
    size_t len = 0;
    for (size_t i = 0; i < NOTE_TEXTS; i++) {
        len += note->texts[i].len;
    }
    return len == 0;
}

void opaque_notes_free(struct opaque_notes *notes)
{
    if (notes == NULL) {
        return;
    }
    note_release(&notes->current);
    reasoning_details_release(&notes->details);
    for (size_t i = 0; i < notes->count; i++) {
        note_release(&notes->notes[i]);
    }
    memory_free(notes);
}

static struct opaque_notes *notes_of(struct call *call)
{
    struct attempt *attempt = &call->attempt;
    if (attempt->notes == NULL) {
        attempt->notes = memory_array(1, sizeof *attempt->notes);
        if (attempt->notes != NULL) {
            note_init(&attempt->notes->current);
            reasoning_details_init(&attempt->notes->details, TEXT_MAX);
        }
    }
    return attempt->notes;
}

/* What was thought until now belongs to the call that begins. */
static struct note *note_call(struct opaque_notes *notes, struct slice id)
{
    if (id.len == 0 || notes->count == NOTES_MAX) {
        return NULL;
    }
    struct note *note = &notes->notes[notes->count++];
    *note = notes->current;
    buf_append(&note->texts[NOTE_DETAILS], buf_slice(&notes->details.list));
    note->texts[NOTE_DETAILS].failed |= notes->details.list.failed;
    reasoning_details_release(&notes->details);
    reasoning_details_init(&notes->details, TEXT_MAX);
    note_init(&notes->current);
    json_unescape(id, &note->id);
    return note;
}

static struct note *note_of(struct opaque_notes *notes, struct slice id)
{
    for (size_t i = 0; i < notes->count; i++) {
        if (json_inner_is(id, buf_slice(&notes->notes[i].id))) {
            return &notes->notes[i];
        }
    }
    return note_call(notes, id);
}

static void note_seal(struct opaque_notes *notes, const struct event *event)
{
    if (event->id.len == 0) {
        buf_append(&notes->current.texts[NOTE_SIGNATURE], event->text);
        return;
    }
    struct note *note = note_of(notes, event->id);
    if (note != NULL) {
        buf_append(&note->texts[NOTE_CALL], event->text);
    }
}

static void note_event(struct call *call, const struct event *event)
{
    bool thought = event->kind == EVENT_REASONING || event->kind == EVENT_SIGNATURE ||
                   event->kind == EVENT_OPAQUE || event->kind == EVENT_DETAIL;
    struct opaque_notes *notes = thought ? notes_of(call) : call->attempt.notes;
    if (notes == NULL || event->choice != 0) {
        return;
    }
    switch (event->kind) {
    case EVENT_REASONING:
        buf_append(&notes->current.texts[NOTE_REASONING], event->text);
        break;
    case EVENT_SIGNATURE:
        note_seal(notes, event);
        break;
    case EVENT_OPAQUE:
        buf_clear(&notes->current.texts[NOTE_DATA]);
        buf_clear(&notes->current.texts[NOTE_DATA_ID]);
        buf_append(&notes->current.texts[NOTE_DATA], event->text);
        buf_append(&notes->current.texts[NOTE_DATA_ID], event->id);
        break;
    case EVENT_DETAIL:
        (void)reasoning_details_add(&notes->details, event->text, call->attempt.is_stream);
        break;
    case EVENT_TOOL_CALL:
        if (!note_is_empty(&notes->current) || notes->details.list.len > 0) {
            note_call(notes, event->id);
        }
        break;
    default:
        break;
    }
}

void opaque_note_frame(struct call *call, const struct frame *frame)
{
    for (size_t i = 0; i < frame->count; i++) {
        note_event(call, &frame->events[i]);
    }
}

/* --- in the store: the dialect, then each text behind its length --- */

static void put_number(struct buf *out, uint32_t number)
{
    buf_append(out, slice_of((const char *)&number, sizeof number));
}

static bool take_number(struct slice *bytes, uint32_t *ret_number)
{
    if (bytes->len < sizeof *ret_number) {
        return false;
    }
    memcpy(ret_number, bytes->ptr, sizeof *ret_number);
    *bytes = slice_from(*bytes, sizeof *ret_number);
    return true;
}

static void keep_note(struct call *call, struct shared_store *store, const struct note *note)
{
    struct buf value = BUF_INIT(TEXT_MAX * NOTE_TEXTS + 64);
    bool whole = note->id.len > 0 && !note->id.failed;
    put_number(&value, (uint32_t)call->attempt.back_id);
    for (size_t i = 0; i < NOTE_TEXTS; i++) {
        whole = whole && !note->texts[i].failed; /* half a seal is none */
        put_number(&value, (uint32_t)note->texts[i].len);
        buf_append(&value, buf_slice(&note->texts[i]));
    }
    const struct shared_key key = {SHARED_OPAQUE_STATE, call->key_id, buf_slice(&note->id)};
    if (whole && !value.failed && !shared_put(store, &key, buf_slice(&value))) {
        metric_add(&call->worker->metrics.opaque_lost, 1);
    }
    buf_release(&value);
}

void opaque_keep(struct call *call)
{
    struct opaque_notes *notes = call->attempt.notes;
    struct shared_store *store = call->worker->gateway->shared;
    for (size_t i = 0; notes != NULL && store != NULL && i < notes->count; i++) {
        if (!note_is_empty(&notes->notes[i])) {
            keep_note(call, store, &notes->notes[i]);
        }
    }
}

static bool read_state(struct slice value, struct opaque_state *ret_state)
{
    struct slice texts[NOTE_TEXTS];
    uint32_t dialect = 0;
    if (!take_number(&value, &dialect)) {
        return false;
    }
    for (size_t i = 0; i < NOTE_TEXTS; i++) {
        uint32_t len = 0;
        if (!take_number(&value, &len) || value.len < len) {
            return false;
        }
        texts[i] = len == 0 ? SLICE_EMPTY : slice_of(value.ptr, len);
        value = slice_from(value, len);
    }
    *ret_state = (struct opaque_state){
        .dialect = dialect,
        .reasoning = texts[NOTE_REASONING],
        .signature = texts[NOTE_SIGNATURE],
        .data = texts[NOTE_DATA],
        .data_id = texts[NOTE_DATA_ID],
        .call_signature = texts[NOTE_CALL],
        .details = texts[NOTE_DETAILS],
    };
    return true;
}

bool opaque_recall(void *user, struct slice call_id, struct opaque_state *ret_state)
{
    struct call *call = user;
    struct shared_store *store = call->worker->gateway->shared;
    struct buf id = BUF_INIT(SHARED_NAME_MAX);
    struct buf value = BUF_INIT(TEXT_MAX * NOTE_TEXTS + 64);
    bool found = false;
    if (store != NULL && json_unescape(call_id, &id)) {
        const struct shared_key key = {SHARED_OPAQUE_STATE, call->key_id, buf_slice(&id)};
        found = shared_get(store, &key, &value);
    }
    struct slice copy = found ? arena_copy(&call->arena, buf_slice(&value)) : SLICE_EMPTY;
    buf_release(&id);
    buf_release(&value);
    return copy.ptr != NULL && read_state(copy, ret_state);
}
