/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Median times of reading, splicing and writing JSON on texts like those that pass a gateway. The
 * texts are made here from a seed, so that two runs measure the same work. Each figure is the
 * median of many rounds of a few parses.
 *
 * Usage: json_bench [NAME]   (only texts whose name contains NAME)
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/random.h"
#include "codec/json.h"
#include "codec/json_write.h"

#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 401

struct sample {
    const char *name;
    void (*make)(struct buf *out);
};

static const char *const english[] = {"the",     "model",    "answers",  "requests", "quickly",
                                      "because", "gateway",  "chooses",  "cheapest", "target",
                                      "and",     "latency,", "cost,",    "quality.", "Please",
                                      "explain", "function", "returns,", "value",    "of"};
static const char *const chinese[] = {"网关", "选择",   "最便宜", "的模型，", "请求",
                                      "延迟", "和成本", "说明。", "函数",     "返回值"};

static const char *word_pick(struct random *random, const char *const *words, size_t count)
{
    return words[random_below(random, count)];
}

/* About `size` bytes of words with a line break now and then. */
static void prose_append(struct buf *out, struct random *random, size_t size, bool cjk)
{
    size_t until = out->len + size;
    while (out->len < until) {
        if (cjk) {
            (void)buf_append_cstr(out, word_pick(random, chinese, ARRAY_LEN(chinese)));
        } else {
            (void)buf_append_cstr(out, word_pick(random, english, ARRAY_LEN(english)));
            (void)buf_append_cstr(out, random_below(random, 20) == 0 ? "\\n" : " ");
        }
    }
}

/* Source code in a string: an escape every 30 bytes or so. */
static void code_append(struct buf *out, struct random *random, size_t size)
{
    size_t until = out->len + size;
    while (out->len < until) {
        (void)buf_append_cstr(out, "    if (");
        (void)buf_append_cstr(out, word_pick(random, english, ARRAY_LEN(english)));
        (void)buf_append_cstr(out, " == \\\"");
        (void)buf_append_cstr(out, word_pick(random, english, ARRAY_LEN(english)));
        (void)buf_append_cstr(out, "\\\") {\\n\\t\\treturn 0;\\n    }\\n");
    }
}

enum flavour { ENGLISH, CHINESE, CODE };

/* A chat request of `turns` messages of `size` bytes each. */
static void chat_append(struct buf *out, size_t turns, size_t size, enum flavour flavour)
{
    struct random random;
    random_seed(&random, 7);
    (void)buf_append_cstr(out, "{\"model\":\"auto\",\"messages\":[{\"role\":\"system\",\"content\":"
                               "\"You are a helpful assistant.\"}");
    for (size_t i = 0; i < turns; i++) {
        (void)buf_printf(out, ",{\"role\":\"%s\",\"content\":\"",
                         i % 2 == 0 ? "user" : "assistant");
        if (flavour == CODE) {
            code_append(out, &random, size);
        } else {
            prose_append(out, &random, size, flavour == CHINESE);
        }
        (void)buf_append_cstr(out, "\"}");
    }
    (void)buf_append_cstr(out, "],\"temperature\":0.7,\"max_tokens\":512,\"stream\":true,"
                               "\"stream_options\":{\"include_usage\":true},\"user\":\"u-1234\"}");
}

static void chat_2k(struct buf *out)
{
    chat_append(out, 5, 340, ENGLISH);
}

static void chat_20k(struct buf *out)
{
    chat_append(out, 20, 960, ENGLISH);
}

static void chat_200k(struct buf *out)
{
    chat_append(out, 60, 3300, ENGLISH);
}

static void cjk_20k(struct buf *out)
{
    chat_append(out, 10, 2000, CHINESE);
}

static void code_200k(struct buf *out)
{
    chat_append(out, 60, 3300, CODE);
}

/* An agent's request: 12 tools with their schemas. */
static void tools_10k(struct buf *out)
{
    (void)buf_append_cstr(out, "{\"model\":\"auto\",\"messages\":[{\"role\":\"user\",\"content\":"
                               "\"What is the weather?\"}],\"tools\":[");
    for (int i = 0; i < 12; i++) {
        (void)buf_printf(
            out,
            "%s{\"type\":\"function\",\"function\":{\"name\":\"get_thing_%d\","
            "\"description\":\"Looks a thing up by its name and place, and says when it "
            "was seen last.\",\"parameters\":{\"type\":\"object\",\"properties\":{"
            "\"name\":{\"type\":\"string\",\"description\":\"What to look for\"},"
            "\"place\":{\"type\":\"string\",\"enum\":[\"north\",\"south\",\"east\"]},"
            "\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":50},"
            "\"since\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]},"
            "\"deep\":{\"type\":\"boolean\",\"default\":false}},"
            "\"required\":[\"name\",\"place\"],\"additionalProperties\":false}}}",
            i == 0 ? "" : ",", i);
    }
    (void)buf_append_cstr(out, "]}");
}

static void embedding_30k(struct buf *out)
{
    struct random random;
    random_seed(&random, 3);
    (void)buf_append_cstr(out, "{\"data\":[{\"embedding\":[");
    for (int i = 0; i < 1536; i++) {
        (void)buf_printf(out, "%s%.17g", i == 0 ? "" : ",", random_unit(&random) - 0.5);
    }
    (void)buf_append_cstr(out, "]}]}");
}

static void chunk(struct buf *out)
{
    (void)buf_append_cstr(
        out, "{\"id\":\"chatcmpl-123\",\"object\":\"chat.completion.chunk\","
             "\"created\":1694268190,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,"
             "\"delta\":{\"content\":\" Hello\"},\"logprobs\":null,"
             "\"finish_reason\":null}]}");
}

static const struct sample samples[] = {
    {"chunk", chunk},         {"chat 2K", chat_2k},         {"chat 20K", chat_20k},
    {"chat 200K", chat_200k}, {"CJK 20K", cjk_20k},         {"code 200K", code_200k},
    {"tools 10K", tools_10k}, {"embedding", embedding_30k},
};

static int compare_double(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

struct work {
    struct slice text;
    struct json_doc doc;
    struct buf out;
};

static void do_parse(struct work *work)
{
    struct error error;
    if (!json_parse(&work->doc, work->text, &json_default_limits, &error)) {
        printf("%s\n", error.text);
        exit(1);
    }
}

static void do_splice(struct work *work)
{
    uint32_t model = json_member(&work->doc, JSON_ROOT, SLICE("model"));
    uint32_t at = model == JSON_ABSENT ? 0 : work->doc.nodes[model].start;
    uint32_t end = model == JSON_ABSENT ? 0 : work->doc.nodes[model].end;
    struct json_edit edit = {at, end, SLICE("\"other\"")};
    buf_clear(&work->out);
    (void)json_splice(work->text, &edit, 1, &work->out);
}

/* The text as the content of one string: what a translation writes. */
static void do_escape(struct work *work)
{
    buf_clear(&work->out);
    (void)json_escape(work->text, &work->out);
}

static double median_us(struct work *work, void (*run)(struct work *))
{
    static double times[ROUNDS];
    int repeat = work->text.len > 20000 ? 20 : 200;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t start = clock_monotonic(&clock_system);
        for (int j = 0; j < repeat; j++) {
            run(work);
        }
        times[i] = (double)(clock_monotonic(&clock_system) - start) / repeat / NS_PER_US;
    }
    qsort(times, ROUNDS, sizeof times[0], compare_double);
    return times[ROUNDS / 2];
}

int main(int argc, char **argv)
{
    printf("%-12s %8s %7s %10s %8s %10s %10s\n", "text", "bytes", "nodes", "parse us", "GB/s",
           "splice us", "escape us");
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        if (argc > 1 && strstr(samples[i].name, argv[1]) == NULL) {
            continue;
        }
        struct buf text = BUF_INIT((size_t)1 << 24);
        samples[i].make(&text);
        struct work work = {.text = buf_slice(&text), .out = BUF_INIT((size_t)1 << 26)};
        json_doc_init(&work.doc);
        double parse = median_us(&work, do_parse);
        double splice = median_us(&work, do_splice);
        double escape = median_us(&work, do_escape);
        printf("%-12s %8zu %7u %10.3f %8.2f %10.3f %10.3f\n", samples[i].name, text.len,
               work.doc.count, parse, (double)text.len / parse / 1000, splice, escape);
        json_doc_release(&work.doc);
        buf_release(&work.out);
        buf_release(&text);
    }
    return 0;
}
