/* SPDX-License-Identifier: Apache-2.0 */
/* A whole answer from the events of one frame, which may be those of a stream put together. */
#include "dialect/inner.h"
#include "dialect/openai.h"
#include "dialect/tool_name.h"

struct answer {
    const struct answer_head *head;
    const struct frame *frame;
    struct buf *out;
    const struct event *start; /* or NULL */
    struct usage usage;
    bool has_usage;
    uint32_t choices;
    struct tool_names tools;
};

static struct answer answer_survey(const struct answer_head *head, const struct frame *frame,
                                   struct buf *out)
{
    struct answer a = {.head = head, .frame = frame, .out = out, .choices = 1};
    for (size_t i = 0; i < frame->count; i++) {
        const struct event *event = &frame->events[i];
        if (event->kind == EVENT_START && a.start == NULL) {
            a.start = event;
        }
        if (event->kind == EVENT_USAGE) {
            usage_report(&a.usage, &event->usage);
            a.has_usage = true;
        }
        a.choices = event->choice >= a.choices ? event->choice + 1 : a.choices;
    }
    return a;
}

static void write_head(const struct answer *a, struct slice id_prefix, struct slice object)
{
    struct buf *out = a->out;
    buf_append(out, SLICE("{\"id\":\""));
    if (a->start != NULL && a->start->id.len > 0) {
        inner_append(out, a->start->id);
    } else {
        buf_append(out, id_prefix);
        json_escape(a->head->call_id, out);
    }
    buf_append(out, SLICE("\",\"object\":\""));
    buf_append(out, object);
    buf_append(out, SLICE("\",\"created\":"));
    buf_append_i64(out, a->head->created_s);
    buf_append(out, SLICE(",\"model\":\""));
    if (a->start != NULL && a->start->name.len > 0) {
        inner_append(out, a->start->name);
    } else {
        json_escape(a->head->model, out);
    }
    buf_append(out, SLICE("\",\"choices\":["));
}

static void write_tail(const struct answer *a)
{
    buf_append_char(a->out, ']');
    if (a->has_usage) {
        buf_append(a->out, SLICE(",\"usage\":"));
        openai_write_usage(a->out, &a->usage);
    }
    buf_append(a->out, SLICE(",\"system_fingerprint\":null}"));
}

/* Appends all texts of this kind; false when there is none. */
static bool write_texts(const struct answer *a, uint32_t choice, enum event_kind kind,
                        struct slice key)
{
    bool begun = false;
    for (size_t i = 0; i < a->frame->count; i++) {
        const struct event *event = &a->frame->events[i];
        if (event->kind != kind || event->choice != choice) {
            continue;
        }
        if (!begun) {
            begun = true;
            buf_append(a->out, key);
        }
        inner_append(a->out, event->text);
    }
    if (begun) {
        buf_append_char(a->out, '"');
    }
    return begun;
}

static const struct event *next_call(const struct answer *a, uint32_t choice, size_t *at)
{
    while (*at < a->frame->count) {
        const struct event *event = &a->frame->events[(*at)++];
        if (event->kind == EVENT_TOOL_CALL && event->choice == choice) {
            return event;
        }
    }
    return NULL;
}

static void append_arguments(const struct answer *a, const struct event *call, size_t from,
                             struct buf *out)
{
    for (size_t i = from; i < a->frame->count; i++) {
        const struct event *event = &a->frame->events[i];
        if (event->kind == EVENT_FINISH && event->choice == call->choice) {
            break; /* nothing of a choice comes after its finish */
        }
        if (event->kind == EVENT_TOOL_ARGUMENTS && event->choice == call->choice &&
            event->index == call->index) {
            inner_append(out, event->text);
        }
    }
}

/* An empty text becomes an empty object: clients parse it as JSON and drop the call when they
 * cannot. */
static void write_arguments(const struct answer *a, const struct event *call, size_t from)
{
    size_t before = a->out->len;
    append_arguments(a, call, from, a->out);
    if (a->out->len == before) {
        buf_append(a->out, SLICE("{}"));
    }
}

static void write_input(const struct answer *a, const struct event *call, size_t from)
{
    if (call->custom) {
        append_arguments(a, call, from, a->out);
        return;
    }
    struct buf arguments = BUF_INIT(a->out->limit);
    append_arguments(a, call, from, &arguments);
    custom_read_arguments(buf_slice(&arguments), a->out);
    a->out->failed = a->out->failed || arguments.failed;
    buf_release(&arguments);
}

static void write_call(const struct answer *a, const struct event *call, size_t from)
{
    struct tool_name name = {.name = call->name, .custom = false};
    bool known = tool_names_find(&a->tools, call->name, &name);
    bool custom = call->custom || (known && name.custom);
    buf_append(a->out, SLICE("{\"id\":\""));
    inner_append(a->out, call->id);
    buf_append(a->out, custom ? SLICE("\",\"type\":\"custom\",\"custom\":{\"name\":\"")
                              : SLICE("\",\"type\":\"function\",\"function\":{\"name\":\""));
    inner_append(a->out, name.name);
    buf_append(a->out, custom ? SLICE("\",\"input\":\"") : SLICE("\",\"arguments\":\""));
    if (custom) {
        write_input(a, call, from);
    } else {
        write_arguments(a, call, from);
    }
    buf_append(a->out, SLICE("\"}}"));
}

static void write_calls(const struct answer *a, uint32_t choice)
{
    size_t at = 0;
    size_t count = 0;
    for (const struct event *call; (call = next_call(a, choice, &at)) != NULL; count++) {
        buf_append(a->out, count == 0 ? SLICE(",\"tool_calls\":[") : SLICE(","));
        write_call(a, call, at);
    }
    if (count > 0) {
        buf_append_char(a->out, ']');
    }
}

/* --- beside the text --- */

static void write_citations(const struct answer *a, uint32_t choice)
{
    bool begun = false;
    for (size_t i = 0; i < a->frame->count; i++) {
        const struct event *event = &a->frame->events[i];
        if (event->kind == EVENT_CITATION && event->choice == choice && event->id.len > 0) {
            buf_append(a->out, begun ? SLICE(",") : SLICE(",\"annotations\":["));
            openai_write_citation(event, a->out);
            begun = true;
        }
    }
    if (begun) {
        buf_append_char(a->out, ']');
    }
}

/* The elements of all arrays, in one. */
static void write_logprobs(const struct answer *a, uint32_t choice)
{
    bool begun = false;
    buf_append(a->out, SLICE(",\"logprobs\":"));
    for (size_t i = 0; i < a->frame->count; i++) {
        const struct event *event = &a->frame->events[i];
        struct slice raw = slice_trim(event->text);
        if (event->kind != EVENT_LOGPROBS || event->choice != choice || raw.len < 2) {
            continue;
        }
        buf_append(a->out, begun ? SLICE(",") : SLICE("{\"content\":["));
        inner_append(a->out, slice_of(raw.ptr + 1, raw.len - 2));
        begun = true;
    }
    buf_append(a->out, begun ? SLICE("],\"refusal\":null}") : SLICE("null"));
}

static void write_images(const struct answer *a, uint32_t choice)
{
    bool begun = false;
    for (size_t i = 0; i < a->frame->count; i++) {
        const struct event *event = &a->frame->events[i];
        if (event->kind == EVENT_IMAGE && event->choice == choice) {
            buf_append(a->out, begun ? SLICE(",") : SLICE(",\"images\":["));
            openai_write_image(event, a->out);
            begun = true;
        }
    }
    if (begun) {
        buf_append_char(a->out, ']');
    }
}

/* The thought before `end`, since the last seal. */
static void append_thought(const struct answer *a, uint32_t choice, size_t end, struct buf *out)
{
    size_t begin = end;
    while (begin > 0 && !(a->frame->events[begin - 1].choice == choice &&
                          a->frame->events[begin - 1].kind == EVENT_SIGNATURE &&
                          openai_has_detail(&a->frame->events[begin - 1]))) {
        begin--;
    }
    for (size_t i = begin; i < end; i++) {
        const struct event *event = &a->frame->events[i];
        if (event->kind == EVENT_REASONING && event->choice == choice) {
            buf_append(out, event->text);
        }
    }
}

static void write_details(const struct answer *a, uint32_t choice)
{
    uint32_t count = 0;
    struct buf thought = BUF_INIT(SIZE_MAX);
    for (size_t i = 0; i < a->frame->count; i++) {
        const struct event *event = &a->frame->events[i];
        bool sealed = event->kind == EVENT_SIGNATURE || event->kind == EVENT_OPAQUE;
        if (!sealed || event->choice != choice || !openai_has_detail(event)) {
            continue;
        }
        buf_clear(&thought);
        append_thought(a, choice, i, &thought);
        buf_append(a->out, count > 0 ? SLICE(",") : SLICE(",\"reasoning_details\":["));
        openai_write_detail(event, buf_slice(&thought), count++, a->out);
    }
    if (count > 0) {
        buf_append_char(a->out, ']');
    }
    a->out->failed = a->out->failed || thought.failed;
    buf_release(&thought);
}

static bool has_calls(const struct answer *a, uint32_t choice)
{
    size_t at = 0;
    return next_call(a, choice, &at) != NULL;
}

static void write_finish(const struct answer *a, uint32_t choice)
{
    struct slice word = SLICE_EMPTY;
    for (size_t i = 0; i < a->frame->count; i++) {
        if (a->frame->events[i].kind == EVENT_FINISH && a->frame->events[i].choice == choice) {
            word = openai_finish_word(a->frame->events[i].finish);
        }
    }
    if (word.len == 0) {
        buf_append(a->out, SLICE("null"));
        return;
    }
    buf_append_char(a->out, '"');
    buf_append(a->out, word);
    buf_append_char(a->out, '"');
}

static void write_choice(const struct answer *a, uint32_t choice)
{
    struct buf *out = a->out;
    buf_append(out, choice == 0 ? SLICE("{\"index\":") : SLICE(",{\"index\":"));
    buf_append_u64(out, choice);
    buf_append(out, SLICE(",\"message\":{\"role\":\"assistant\""));
    if (!write_texts(a, choice, EVENT_TEXT, SLICE(",\"content\":\""))) {
        buf_append(out,
                   has_calls(a, choice) ? SLICE(",\"content\":null") : SLICE(",\"content\":\"\""));
    }
    (void)write_texts(a, choice, EVENT_REASONING, SLICE(",\"reasoning_content\":\""));
    write_details(a, choice);
    write_images(a, choice);
    if (!write_texts(a, choice, EVENT_REFUSAL, SLICE(",\"refusal\":\""))) {
        buf_append(out, SLICE(",\"refusal\":null"));
    }
    write_citations(a, choice);
    write_calls(a, choice);
    buf_append_char(out, '}');
    write_logprobs(a, choice);
    buf_append(out, SLICE(",\"finish_reason\":"));
    write_finish(a, choice);
    buf_append_char(out, '}');
}

bool openai_chat_write_answer(const struct answer_head *head, const struct frame *frame,
                              struct buf *out)
{
    struct answer a = answer_survey(head, frame, out);
    bool ok = tool_names_init(&a.tools, head->chat);
    write_head(&a, SLICE("chatcmpl-"), SLICE("chat.completion"));
    for (uint32_t choice = 0; ok && choice < a.choices; choice++) {
        write_choice(&a, choice);
    }
    write_tail(&a);
    tool_names_release(&a.tools);
    return ok && !out->failed;
}

bool openai_completions_write_answer(const struct answer_head *head, const struct frame *frame,
                                     struct buf *out)
{
    struct answer a = answer_survey(head, frame, out);
    write_head(&a, SLICE("cmpl-"), SLICE("text_completion"));
    for (uint32_t choice = 0; choice < a.choices; choice++) {
        buf_append(out, choice == 0 ? SLICE("{\"text\":\"") : SLICE(",{\"text\":\""));
        bool texts = write_texts(&a, choice, EVENT_TEXT, SLICE(""));
        buf_append(out, texts ? SLICE(",\"index\":") : SLICE("\",\"index\":"));
        buf_append_u64(out, choice);
        buf_append(out, SLICE(",\"logprobs\":null,\"finish_reason\":"));
        write_finish(&a, choice);
        buf_append_char(out, '}');
    }
    write_tail(&a);
    return !out->failed;
}
