/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/demo_load.h"

#include "codec/json.h"
#include "codec/json_write.h"
#include "net/upstream.h"

#include <stdio.h>
#include <stdlib.h>

#define ANSWER_MAX (1u << 20)
#define BODY_MAX (1u << 20)
#define BYTES_PER_TOKEN 4
#define USD_DECIMALS 9

struct load;

/* One of the requests in flight; used again for prompt after prompt. */
struct slot {
    struct load *load;
    struct upstream_request request;
    struct buf body;
    struct buf answer;
    enum demo_difficulty difficulty;
    size_t target; /* index in the workload; target_count: not known */
    int64_t cost_nd;
    int64_t baseline_nd;
    int status;
};

struct load {
    const struct demo_load_options *options;
    struct demo_result *result;
    struct net_loop loop;
    struct upstream *client;
    struct upstream_origin origin;
    struct slot *slots;
    struct slice rest; /* lines not sent yet */
    size_t total;
    size_t sent;
    size_t done;
    struct json_doc line;
    struct json_doc doc;
    struct buf text;
};

/* Context that a prompt brings along: source text, so that it is as long as its row says. */
static void pad_prompt(struct buf *text, int64_t tokens)
{
    size_t wanted = (size_t)tokens * BYTES_PER_TOKEN;
    unsigned line = 0;
    if (wanted > BODY_MAX / 2) {
        return;
    }
    if (text->len < wanted) {
        buf_append_cstr(text, "\n\n```c\n");
    }
    while (text->len < wanted) {
        buf_printf(text, "    table[%u] = row_of(input, %u); /* column %u */\n", line,
                   line * 7 % 97, line % 13);
        line++;
    }
}

static void write_body(struct slot *slot, struct slice prompt, int64_t max_tokens)
{
    struct json_writer w;
    buf_clear(&slot->body);
    json_writer_init(&w, &slot->body);
    json_begin_object(&w);
    json_member_string(&w, SLICE("model"), SLICE("auto"));
    if (max_tokens > 0) {
        json_member_int(&w, SLICE("max_tokens"), max_tokens);
    }
    json_key(&w, SLICE("messages"));
    json_begin_array(&w);
    json_begin_object(&w);
    json_member_string(&w, SLICE("role"), SLICE("user"));
    json_member_string(&w, SLICE("content"), prompt);
    json_end_object(&w);
    json_end_array(&w);
    json_end_object(&w);
}

static enum demo_difficulty difficulty_of(const struct json_doc *doc)
{
    uint32_t value = json_member(doc, JSON_ROOT, SLICE("difficulty"));
    if (!json_is(doc, value, JSON_STRING)) {
        return DEMO_UNLABELLED;
    }
    return json_string_is(doc, value, SLICE("hard")) ? DEMO_HARD : DEMO_EASY;
}

static bool read_line(struct load *load, struct slot *slot, struct slice line)
{
    struct error error;
    int64_t input = 0;
    int64_t output = 0;
    if (!json_parse(&load->line, line, NULL, &error)) {
        return false;
    }
    uint32_t prompt = json_member(&load->line, JSON_ROOT, SLICE("prompt"));
    uint32_t tokens = json_member(&load->line, JSON_ROOT, SLICE("input_tokens"));
    uint32_t answer = json_member(&load->line, JSON_ROOT, SLICE("output_tokens"));
    if (!json_is(&load->line, prompt, JSON_STRING)) {
        return false;
    }
    buf_clear(&load->text);
    json_unescape(json_inner(&load->line, prompt), &load->text);
    if (tokens != JSON_ABSENT && json_int64(&load->line, tokens, &input) && input > 0) {
        pad_prompt(&load->text, input);
    }
    if (answer == JSON_ABSENT || !json_int64(&load->line, answer, &output)) {
        output = 0;
    }
    slot->difficulty = difficulty_of(&load->line);
    write_body(slot, buf_slice(&load->text), output);
    return !slot->body.failed;
}

static size_t count_lines(struct slice lines, size_t limit)
{
    size_t count = 0;
    while (lines.len > 0 && (limit == 0 || count < limit)) {
        count += slice_trim(slice_cut(&lines, '\n')).len > 0 ? 1 : 0;
    }
    return count;
}

static const struct upstream_ops slot_ops;

/* Sends the next prompt with this slot, or leaves it idle when there is none. */
static void send_next(struct slot *slot)
{
    struct load *load = slot->load;
    while (load->sent < load->total && load->rest.len > 0) {
        struct slice line = slice_trim(slice_cut(&load->rest, '\n'));
        if (line.len == 0) {
            continue;
        }
        load->sent++;
        if (!read_line(load, slot, line)) {
            load->result->failed++;
            load->done++;
            continue;
        }
        buf_clear(&slot->answer);
        slot->status = 0;
        slot->target = load->options->workload->target_count;
        slot->request = (struct upstream_request){
            .origin = &load->origin,
            .method = SLICE("POST"),
            .path = SLICE("/v1/chat/completions"),
            .headers = SLICE("Content-Type: application/json\r\n"),
            .body = buf_slice(&slot->body),
            .timeouts = upstream_default_timeouts,
            .body_limit = ANSWER_MAX,
            .ops = &slot_ops,
            .user = slot,
        };
        upstream_send(load->client, &slot->request);
        return;
    }
}

static struct slice header_of(const struct http_response *head, const char *name)
{
    return http_header_find(head->headers, head->header_count, slice_from_cstr(name));
}

static int64_t money_of(const struct http_response *head, const char *name)
{
    int64_t nd;
    return slice_to_scaled(header_of(head, name), USD_DECIMALS, &nd) ? nd : 0;
}

static void on_head(struct upstream_request *r, const struct http_response *head)
{
    struct slot *slot = r->user;
    const struct demo_workload *workload = slot->load->options->workload;
    struct slice target = header_of(head, "x-sluice-target");
    slot->status = head->status;
    slot->cost_nd = money_of(head, "x-sluice-cost-usd");
    slot->baseline_nd = money_of(head, "x-sluice-baseline-usd");
    for (size_t i = 0; i < workload->target_count; i++) {
        if (slice_eq(target, slice_from_cstr(workload->targets[i].name))) {
            slot->target = i;
        }
    }
}

static void on_data(struct upstream_request *r, struct slice bytes)
{
    struct slot *slot = r->user;
    buf_append(&slot->answer, bytes);
}

static int64_t usage_of(const struct json_doc *doc, const char *path)
{
    int64_t value = 0;
    uint32_t node = json_path(doc, JSON_ROOT, path);
    return node != JSON_ABSENT && json_int64(doc, node, &value) ? value : 0;
}

static void add(struct demo_sum *sum, const struct slot *slot, int64_t input, int64_t output)
{
    sum->calls++;
    sum->input_tokens += input;
    sum->output_tokens += output;
    sum->cost_nd += slot->cost_nd;
    sum->easy += slot->difficulty == DEMO_EASY ? 1 : 0;
    sum->hard += slot->difficulty == DEMO_HARD ? 1 : 0;
}

static void finish(struct slot *slot, bool answered)
{
    struct load *load = slot->load;
    struct demo_result *result = load->result;
    struct error error;
    load->done++;
    if (answered && slot->status == 200 && slot->target < load->options->workload->target_count &&
        json_parse(&load->doc, buf_slice(&slot->answer), NULL, &error)) {
        int64_t input = usage_of(&load->doc, "usage.prompt_tokens");
        int64_t output = usage_of(&load->doc, "usage.completion_tokens");
        add(&result->by_target[slot->target], slot, input, output);
        add(&result->total, slot, input, output);
        result->baseline_nd += slot->baseline_nd;
    } else {
        result->failed++;
    }
    if (load->options->progress != NULL && (load->done % 100 == 0 || load->done == load->total)) {
        load->options->progress(load->options->user, load->done, load->total);
    }
    send_next(slot);
}

static void on_end(struct upstream_request *r)
{
    finish(r->user, true);
}

static void on_fail(struct upstream_request *r, enum upstream_failure failure, const char *detail)
{
    (void)failure;
    (void)detail;
    finish(r->user, false);
}

static const struct upstream_ops slot_ops = {
    .on_head = on_head,
    .on_data = on_data,
    .on_end = on_end,
    .on_fail = on_fail,
};

static bool load_open(struct load *load, struct error *error)
{
    char text[64];
    struct url url;
    snprintf(text, sizeof(text), "http://127.0.0.1:%u", load->options->port);
    load->slots = calloc(load->options->parallel, sizeof(*load->slots));
    if (load->slots == NULL || !net_loop_init(&load->loop, &clock_system)) {
        return error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    }
    json_doc_init(&load->line);
    json_doc_init(&load->doc);
    buf_init(&load->text, BODY_MAX);
    load->client = upstream_new(&load->loop, &upstream_default_limits, error);
    return load->client != NULL && url_parse(slice_from_cstr(text), &url, error) &&
           upstream_origin_init(&load->origin, &url, SLICE_EMPTY, SLICE_EMPTY, SLICE_EMPTY, error);
}

static void on_closed(void *user)
{
    (void)user;
}

static void load_close(struct load *load)
{
    for (unsigned i = 0; i < load->options->parallel; i++) {
        buf_release(&load->slots[i].body);
        buf_release(&load->slots[i].answer);
    }
    free(load->slots);
    upstream_close(load->client, on_closed, NULL);
    uv_run(&load->loop.uv, UV_RUN_DEFAULT);
    upstream_free(load->client);
    upstream_origin_release(&load->origin);
    json_doc_release(&load->line);
    json_doc_release(&load->doc);
    buf_release(&load->text);
    net_loop_release(&load->loop);
}

bool demo_load_run(const struct demo_load_options *options, struct demo_result *ret_result,
                   struct error *error)
{
    struct load load = {.options = options, .result = ret_result};
    *ret_result = (struct demo_result){.failed = 0};
    load.rest = options->workload->lines();
    load.total = count_lines(load.rest, options->limit);
    if (!load_open(&load, error)) {
        return false;
    }
    int64_t started_ns = clock_monotonic(&clock_system);
    for (unsigned i = 0; i < options->parallel; i++) {
        struct slot *slot = &load.slots[i];
        slot->load = &load;
        buf_init(&slot->body, BODY_MAX);
        buf_init(&slot->answer, ANSWER_MAX);
        send_next(slot);
    }
    while (load.done < load.total && uv_run(&load.loop.uv, UV_RUN_ONCE) != 0) {
    }
    ret_result->duration_ns = clock_monotonic(&clock_system) - started_ns;
    load_close(&load);
    return true;
}
