/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/stored.h"

#include "dialect/responses_store.h"
#include "gateway/call_stream.h"
#include "gateway/gateway.h"
#include "store/shared.h"

#define ITEMS_MAX ((size_t)4 << 20)
#define BODY_MAX ((size_t)48 << 20)
#define TARGET_MARK '@' /* begins a value that is a target's name: items begin with '[' */

static struct shared_key key_of(const struct call *call, struct slice name)
{
    return (struct shared_key){SHARED_RESPONSE, call->key_id, name};
}

/* What was kept under this key, in the call's arena; NULL: nothing. */
static struct slice fetch(struct call *call, struct slice name)
{
    struct shared_store *store = call->worker->gateway->shared;
    struct buf value = BUF_INIT(ITEMS_MAX);
    struct shared_key key = key_of(call, name);
    struct slice copy = SLICE_EMPTY;
    if (store != NULL && shared_get(store, &key, &value)) {
        copy = arena_copy(&call->arena, buf_slice(&value));
    }
    buf_release(&value);
    return copy;
}

static bool is_target(struct slice value)
{
    return value.len > 0 && value.ptr[0] == TARGET_MARK;
}

/* True when all that the request builds on is with one provider's store or unknown to us and not
 * ours: the client's bytes stay. Where clients have keys an unknown answer may be another's, and
 * the provider, which sees only our credential, would give it to anyone. */
static bool stays(struct call *call, struct responses_stored *stored, size_t count,
                  uint16_t *ret_target)
{
    bool ours = false;
    bool kept_there = false;
    for (size_t i = 0; i < count; i++) {
        struct slice value = fetch(call, stored[i].key);
        if (is_target(value)) {
            *ret_target = policy_find_target(&call->snapshot->policy, slice_from(value, 1));
            kept_there = true;
        } else {
            stored[i].items = value;
            ours = ours || value.ptr != NULL;
        }
    }
    bool given = call->chat.previous.len > 0;
    bool foreign = given && call->key_id != 0 && !kept_there;
    bool made_here = given && responses_is_own_id(call->chat.previous);
    return !ours && !made_here && !foreign;
}

bool stored_recall(struct call *call, struct slice *ret_body, uint16_t *ret_target,
                   struct error *error)
{
    struct slice keys[RESPONSES_STORED_MAX];
    struct responses_stored stored[RESPONSES_STORED_MAX];
    *ret_target = NO_TARGET;
    if (call->chat.dialect != DIALECT_OPENAI_RESPONSES) {
        return true;
    }
    size_t count = responses_stored_keys(&call->chat, keys, ARRAY_LEN(keys));
    for (size_t i = 0; i < count; i++) {
        stored[i] = (struct responses_stored){.key = keys[i]};
    }
    if (count == 0 || stays(call, stored, count, ret_target)) {
        return true;
    }
    struct buf body = BUF_INIT(BODY_MAX);
    bool ok = responses_expand(&call->chat, stored, count, &body, error);
    if (ok) {
        *ret_body = arena_copy(&call->arena, buf_slice(&body));
        ok = ret_body->ptr != NULL ||
             error_set(error, ERROR_LIMIT, "request_too_large",
                       "The conversation needs more memory than one call may use.");
    }
    buf_release(&body);
    return ok;
}

static uint32_t count_items(const struct call *call)
{
    uint32_t input = json_member(&call->doc, JSON_ROOT, SLICE("input"));
    return json_is(&call->doc, input, JSON_ARRAY) ? json_count(&call->doc, input) : 0;
}

/* Of an input that is one text the client has no items. */
void stored_note_items(struct call *call)
{
    call->expanded = true;
    call->own_items = count_items(call);
}

void stored_place(const struct call *call, struct error *error)
{
    const struct slice begin = SLICE("/input/");
    struct slice rest = slice_from_cstr(error->pointer);
    uint64_t index = 0;
    if (!call->expanded || call->doc.count == 0 || !slice_starts(rest, begin)) {
        return;
    }
    rest = slice_from(rest, begin.len);
    struct slice number = slice_cut(&rest, '/');
    uint32_t count = count_items(call);
    uint32_t recalled = count > call->own_items ? count - call->own_items : 0;
    if (!slice_to_u64(number, &index)) {
        return;
    }
    char tail[sizeof error->pointer];
    slice_to_cstr(rest, tail, sizeof tail);
    if (index >= recalled) {
        error_at(error, "/input/%llu%s%s", (unsigned long long)(index - recalled),
                 rest.len > 0 ? "/" : "", tail);
    } else {
        bool text = call->own_items == 0 && index + 1 == count;
        error_at(error, "%s", text ? "/input" : "/previous_response_id");
    }
}

static void keep(struct call *call, struct slice key_name, struct slice value)
{
    struct shared_store *store = call->worker->gateway->shared;
    struct shared_key key = key_of(call, key_name);
    if (store != NULL && value.len > 0) {
        (void)!shared_put(store, &key, value); /* else the next turn is told that it is not known */
    }
}

/* The provider keeps the answer: where it is, is all that must be known. */
static void note_target(struct call *call, const struct event *start)
{
    struct buf value = BUF_INIT(ITEMS_MAX);
    struct buf id = BUF_INIT(SHARED_NAME_MAX);
    buf_append_char(&value, TARGET_MARK);
    buf_append(&value, call->attempt.target->name);
    if (json_unescape(start->id, &id) && id.len > 0) {
        keep(call, responses_stored_key(buf_slice(&id)), buf_slice(&value));
    }
    buf_release(&value);
    buf_release(&id);
}

static void record_frame(struct call *call, const struct frame *frame)
{
    struct attempt *attempt = &call->attempt;
    if (attempt->record == NULL) {
        struct answer_head head;
        call_answer_head(call, &head);
        attempt->record = responses_record_new(&head);
    }
    if (attempt->record != NULL && !responses_record_frame(attempt->record, frame)) {
        responses_record_free(attempt->record);
        attempt->record = NULL;
        call->keeps_answer = false; /* too large: the next turn is told that it is not known */
    }
}

void stored_frame(struct call *call, const struct frame *frame)
{
    if (call->attempt.lane == LANE_TRANSLATE) {
        record_frame(call, frame);
        return;
    }
    for (size_t i = 0; i < frame->count; i++) {
        if (frame->events[i].kind == EVENT_START) {
            note_target(call, &frame->events[i]);
        }
    }
}

void stored_keep(struct call *call)
{
    struct responses_record *record = call->attempt.record;
    struct buf value = BUF_INIT(ITEMS_MAX);
    if (record != NULL && responses_record_finish(record, &call->chat, &value)) {
        keep(call, responses_record_key(record), buf_slice(&value));
    }
    buf_release(&value);
}
