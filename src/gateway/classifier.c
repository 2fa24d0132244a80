/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/classifier.h"

#include "codec/json_write.h"
#include "gateway/question.h"
#include "gateway/runtime.h"

#define CLASSIFIER_MAGIC 0x434c5346u
#define CLASSIFIER_ANSWER_MAX (64u << 10)
#define CLASSIFIER_TEXT_MAX 2000
#define ANSWER_TOKENS 16 /* of a target: one word */

/* Of an endpoint. */
struct classifier_request {
    uint32_t magic;
    struct call *call;
    struct upstream_request request;
    struct buf body;
    struct buf answer;
    int status;
};

static void release(struct classifier_request *c)
{
    buf_release(&c->body);
    buf_release(&c->answer);
    c->magic = 0;
    c->call->classifier = NULL;
}

/* The word in a model's answer, or the members of an endpoint's, into the classification. */
static bool apply_word(struct call *call, struct slice text)
{
    struct slice word = slice_trim(text);
    while (word.len > 0 && (word.ptr[word.len - 1] == '.' || word.ptr[word.len - 1] == '"')) {
        word.len--;
    }
    while (word.len > 0 && word.ptr[0] == '"') {
        word = slice_from(word, 1);
    }
    enum task task;
    if (!task_from_name(word, &task)) {
        return false;
    }
    call->decision->classification.task = task;
    call->decision->classification.confidence = 1.0;
    call->decision->classification.reason = "operator's classifier";
    call->decision->classification.set_aside = 0;
    judge_task(task, &call->decision->classification.judged);
    return true;
}

static void apply_endpoint(struct call *call, struct slice body)
{
    struct json_doc doc;
    struct error error;
    json_doc_init(&doc);
    if (json_parse(&doc, body, &json_default_limits, &error)) {
        uint32_t task = json_member(&doc, JSON_ROOT, SLICE("task"));
        uint32_t complexity = json_member(&doc, JSON_ROOT, SLICE("complexity"));
        int64_t permille;
        if (json_is(&doc, task, JSON_STRING) && apply_word(call, json_inner(&doc, task)) &&
            json_is(&doc, complexity, JSON_NUMBER) && json_scaled(&doc, complexity, 3, &permille) &&
            permille >= 0 && permille <= 1000) {
            call->decision->classification.complexity = (double)permille / 1000.0;
        }
    }
    json_doc_release(&doc);
}

/* Other calls used the worker's scratch meanwhile. */
static void go_on(struct call *call)
{
    features_extract(&call->chat, &call->worker->features);
    call_run(call, STEP_PLAN);
}

static struct classifier_request *request_of(struct upstream_request *r)
{
    struct classifier_request *c = r->user;
    CHECK(c->magic == CLASSIFIER_MAGIC);
    return c;
}

static void on_head(struct upstream_request *r, const struct http_response *head)
{
    request_of(r)->status = head->status;
}

static void on_data(struct upstream_request *r, struct slice bytes)
{
    buf_append(&request_of(r)->answer, bytes);
}

static void on_end(struct upstream_request *r)
{
    struct classifier_request *c = request_of(r);
    struct call *call = c->call;
    if (c->status == 200) {
        apply_endpoint(call, buf_slice(&c->answer));
    }
    release(c);
    go_on(call);
}

static void on_fail(struct upstream_request *r, enum upstream_failure failure, const char *detail)
{
    struct classifier_request *c = request_of(r);
    struct call *call = c->call;
    (void)failure;
    (void)detail;
    release(c);
    go_on(call);
}

static const struct upstream_ops classifier_ops = {
    .on_head = on_head, .on_data = on_data, .on_end = on_end, .on_fail = on_fail};

/* The beginning of the last user turn's text, as its author wrote it. */
static struct slice question_text(struct call *call)
{
    const struct chat *chat = &call->chat;
    for (size_t m = chat->message_count; m > 0; m--) {
        const struct chat_message *message = &chat->messages[m - 1];
        for (size_t p = 0; message->role == ROLE_USER && p < message->part_count; p++) {
            char *text = message->parts[p].kind == PART_TEXT
                             ? arena_alloc(&call->arena, CLASSIFIER_TEXT_MAX)
                             : NULL;
            if (text != NULL) {
                return slice_of(
                    text, json_unescape_to(message->parts[p].text, text, CLASSIFIER_TEXT_MAX));
            }
        }
    }
    return SLICE_EMPTY;
}

static void write_endpoint_body(struct call *call, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_string(&w, SLICE("text"), question_text(call));
    json_member_int(&w, SLICE("tools"), call->worker->features.tools);
    json_end_object(&w);
}

static bool prepare_endpoint(struct classifier_request *c)
{
    struct call *call = c->call;
    const struct classifier_settings *settings = &call->snapshot->classifier;
    const struct runtime *runtime = call->snapshot->runtime;
    c->request.origin = &runtime->classifier;
    c->request.path = settings->endpoint.path.len > 0 ? settings->endpoint.path : SLICE("/");
    write_endpoint_body(call, &c->body);
    return runtime->has_classifier && !c->body.failed;
}

static void on_word(struct call *call, struct slice text)
{
    (void)!apply_word(call, text);
    go_on(call);
}

static bool ask_target(struct call *call, uint16_t target)
{
    struct buf instruction = BUF_INIT(4096);
    buf_append_cstr(&instruction, "Say what kind of work the user's message asks for. Answer with "
                                  "exactly one of these words: ");
    for (int task = 0; task < TASK_COUNT; task++) {
        buf_printf(&instruction, "%s%s", task == 0 ? "" : ", ", task_name((enum task)task));
    }
    const struct question_words words = {
        .instruction = buf_slice(&instruction),
        .text = question_text(call),
        .answer_tokens = ANSWER_TOKENS,
        .timeout_ms = call->snapshot->classifier.timeout_ms,
    };
    bool asked = question_ask(call, target, &words, on_word);
    buf_release(&instruction);
    return asked;
}

static bool ask_endpoint(struct call *call)
{
    const struct classifier_settings *settings = &call->snapshot->classifier;
    struct classifier_request *c = ARENA_NEW(&call->arena, struct classifier_request);
    if (c == NULL) {
        return false;
    }
    c->magic = CLASSIFIER_MAGIC;
    c->call = call;
    buf_init(&c->body, 64u << 10);
    buf_init(&c->answer, CLASSIFIER_ANSWER_MAX);
    call->classifier = c;
    if (!prepare_endpoint(c)) {
        release(c);
        return false;
    }
    uint64_t ms = (uint64_t)settings->timeout_ms;
    c->request.method = SLICE("POST");
    c->request.headers = SLICE("Content-Type: application/json\r\n");
    c->request.body = buf_slice(&c->body);
    c->request.timeouts =
        (struct upstream_timeouts){.connect = ms, .first_byte = ms, .idle = ms, .total = ms};
    c->request.body_limit = CLASSIFIER_ANSWER_MAX;
    c->request.ops = &classifier_ops;
    c->request.user = c;
    upstream_send(call->worker->upstream, &c->request);
    return true;
}

enum call_step call_classify(struct call *call)
{
    const struct classifier_settings *settings = &call->snapshot->classifier;
    if (settings->kind != CLASSIFIER_EXTERNAL || call->decision->task_given ||
        call->decision->route == NULL) {
        return STEP_PLAN; /* nothing depends on what it would say */
    }
    bool asked =
        settings->target == NO_TARGET ? ask_endpoint(call) : ask_target(call, settings->target);
    return asked ? STEP_WAIT : STEP_PLAN;
}

void classifier_cancel(struct call *call)
{
    struct classifier_request *c = call->classifier;
    if (c != NULL) {
        upstream_cancel(&c->request);
        release(c);
    }
}
