/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a routing decision takes: median nanoseconds of features, classification and plan (10
 * targets with live statistics and evidence), for a request of 1.4 KB (prose, and code), and one of
 * 200 KB (one long text, and 400 turns). Prints two lines per case. Each sample is a batch of
 * decisions, so the clock's own cost does not show; but for the 99th percentile, of single
 * decisions.
 *
 * The same again "with everything on": the operator's own weights, which know all ten targets'
 * models (two), what answers have taught of output and input, rules of the route, and a session.
 * With the name of a workload (JSON lines with a prompt): its prompts of 500 bytes to 1.4 KB, one
 * after the other, so that none is in the processor's memory of branches; the clock included.
 */
#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "codec/json.h"
#include "route/evidence.h"
#include "route/experience.h"
#include "route/health.h"
#include "route/learned.h"
#include "route/plan.h"
#include "route/text_model.h"

#include <stdio.h>
#include <stdlib.h>

#define SAMPLES 301
#define BATCH 64
#define SINGLES 20000
#define TARGETS 10
#define TURNS 400
#define LONG_BYTES (200 * 1024)

static struct target_health bench_health[TARGETS];
static struct target bench_targets[TARGETS];
static uint16_t bench_candidates[TARGETS];
static struct route bench_route;
static struct policy bench_policy;
static struct features bench_features;
static struct plan bench_plan;
static char bench_names[TARGETS][16];
static uint64_t bench_tag;
static struct experience bench_experience[TARGETS];
static struct weights bench_weights;
static uint16_t bench_learned[WEIGHTS_HEADS_MAX + 1];
static bool everything; /* is on */
static const struct slice bench_keys[] = {SLICE_INIT("batch"), SLICE_INIT("nightly")};
static const struct rule bench_rules[] = {
    {.name = SLICE_INIT("nights"),
     .when = {.max_complexity = 1,
              .max_tokens = INT64_MAX,
              .tools = 1,
              .stream = -1,
              .keys = bench_keys,
              .key_count = ARRAY_LEN(bench_keys)},
     .min_tier = -1},
    {.name = SLICE_INIT("research"),
     .when = {.tasks = UINT64_C(1) << TASK_MATH,
              .min_complexity = 0.9,
              .max_complexity = 1,
              .min_tokens = 100000,
              .max_tokens = INT64_MAX,
              .tools = -1,
              .stream = -1},
     .min_tier = -1},
    {.name = SLICE_INIT("all"),
     .when = {.max_complexity = 1, .max_tokens = INT64_MAX, .tools = -1, .stream = -1},
     .strategy = STRATEGY_CHEAPEST,
     .min_tier = -1},
};
static const struct session_view bench_session = {
    .target = 4, .warm_tokens = 3000, .turns = 12, .stay = 8, .recent_tier = TIER_MID};

/* Of each target, for every task and for the tag of the calls: the most that a plan has to read. */
static void evidence_init(void)
{
    struct evidence *table = evidence_new();
    bench_tag = evidence_tag(SLICE("bench"));
    bench_policy.evidence = table;
    for (size_t i = 0; table != NULL && i < TARGETS; i++) {
        evidence_add(table, bench_tag, &bench_targets[i], 0.9, 16);
        for (int task = 0; task < TASK_COUNT; task++) {
            evidence_add(table, evidence_task((enum task)task), &bench_targets[i], 0.8, 16);
        }
    }
}

static void route_init(void)
{
    for (size_t i = 0; i < TARGETS; i++) {
        health_init(&bench_health[i]);
        for (int64_t j = 0; j < 200; j++) {
            struct health_sample sample = {.first_byte_ms = 100 + j + (int64_t)i * 20,
                                           .total_ms = 900 + j * 9,
                                           .output_tokens = 200};
            health_begin(&bench_health[i]);
            health_record(&bench_health[i], &sample);
        }
        snprintf(bench_names[i], sizeof(bench_names[i]), "target-%zu", i);
        bench_targets[i] = (struct target){
            .name = slice_from_cstr(bench_names[i]),
            .name_hash = evidence_name(slice_from_cstr(bench_names[i])),
            .model = SLICE("model"),
            .provider_name = SLICE("provider"),
            .dialects = 1,
            .price = {.known = true,
                      .base = {(int64_t)(i + 1) * 300000, (int64_t)(i + 1) * 1100000, -1, -1, -1,
                               -1, -1}},
            .context_tokens = 128000,
            .output_tokens = 8192,
            .capabilities = UINT32_MAX,
            .tier = (enum tier)(i % TIER_COUNT),
            .latency_ms = 250,
            .health = &bench_health[i],
        };
        bench_candidates[i] = (uint16_t)i;
    }
    bench_route = (struct route){.name = SLICE("auto"),
                                 .evidence = evidence_route(SLICE("auto")),
                                 .candidates = bench_candidates,
                                 .candidate_count = TARGETS,
                                 .baseline = NO_TARGET,
                                 .max_latency_ms = 5000,
                                 .max_cost_nd = MONEY_ND_PER_USD,
                                 .min_tier = -1,
                                 .conservative = 0.7,
                                 .max_attempts = 3};
    for (int task = 0; task < TASK_COUNT; task++) {
        bench_route.task_tier[task] = task_default_tier((enum task)task);
    }
    bench_policy = (struct policy){.targets = bench_targets,
                                   .target_count = TARGETS,
                                   .routes = &bench_route,
                                   .route_count = 1};
}

/* Two models that all targets are, with weights of no meaning: what a sum costs does not depend on
 * what is added. */
static void weights_init(void)
{
    struct random random;
    random_seed(&random, 5);
    bench_weights.heads = memory_array(2, sizeof(struct head));
    bench_weights.transfer = memory_array(2, sizeof(float));
    bench_weights.head_count =
        bench_weights.heads == NULL || bench_weights.transfer == NULL ? 0 : 2;
    for (uint32_t h = 0; h < bench_weights.head_count; h++) {
        struct head *head = &bench_weights.heads[h];
        memset(head, 0, sizeof(*head));
        snprintf(head->name, sizeof(head->name), "model-%u", h);
        head->kind = HEAD_MODEL;
        head->bucket_scale = 0.05F;
        head->coverage = 0.4F;
        for (size_t i = 0; i < HEAD_DENSE; i++) {
            head->scales[i] = 1;
            head->dense[i] = 0.01F;
        }
        for (size_t i = 0; i < VECTOR_BUCKETS; i++) {
            head->buckets[i] = (int8_t)random_below(&random, 256);
        }
    }
    for (size_t i = 0; i < TARGETS; i++) {
        bench_targets[i].learned = (uint8_t)(1 + i % 2);
    }
}

/* Each target has answered every task. */
static void experience_fill(void)
{
    const struct experience_sums sums = {.count = 50, .sum = 5000, .squares = 40000000};
    for (size_t i = 0; i < TARGETS; i++) {
        experience_init(&bench_experience[i]);
        for (int task = 0; task < TASK_COUNT; task++) {
            experience_seed(&bench_experience[i], EXPERIENCE_OUTPUT, (enum task)task, false, &sums);
        }
        experience_seed(&bench_experience[i], EXPERIENCE_INPUT, TASK_OTHER, false, &sums);
        bench_targets[i].experience = &bench_experience[i];
    }
}

static void classify_once(const struct chat *chat, struct classification *classification)
{
    classify_text(text_model_default(), &bench_features, classification);
    if (everything) {
        learned_ask(&bench_weights, &bench_policy, chat, bench_tag, bench_learned);
    }
}

static void plan_once(const struct classification *classification)
{
    struct plan_input input = {.policy = &bench_policy,
                               .route = &bench_route,
                               .features = &bench_features,
                               .classification = *classification,
                               .streamed = true,
                               .tag = bench_tag,
                               .now_ns = 1};
    constraints_init(&input.constraints);
    if (everything) {
        input.learned = bench_learned;
        input.session = &bench_session;
        input.rule = rule_of_request(bench_rules, ARRAY_LEN(bench_rules), UINT64_MAX,
                                     &bench_features, classification, true, 0);
    }
    plan_make(&input, &bench_plan);
}

static int compare_double(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static int64_t now(void)
{
    return clock_monotonic(&clock_system);
}

/* The 99th percentile of whole decisions, each timed by itself, the clock included. */
static double slow_one(const struct chat *chat)
{
    static double singles[SINGLES];
    struct classification classification;
    for (size_t i = 0; i < SINGLES; i++) {
        int64_t start = now();
        features_extract(chat, &bench_features);
        classify_once(chat, &classification);
        plan_once(&classification);
        singles[i] = (double)(now() - start);
    }
    qsort(singles, SINGLES, sizeof(singles[0]), compare_double);
    return singles[SINGLES / 100 * 99];
}

static double median(double *samples)
{
    qsort(samples, SAMPLES, sizeof(samples[0]), compare_double);
    return samples[SAMPLES / 2];
}

static void measure(const char *name, const struct chat *chat)
{
    static double extract[SAMPLES];
    static double sort[SAMPLES];
    static double plan[SAMPLES];
    struct classification classification;
    for (size_t i = 0; i < SAMPLES; i++) {
        int64_t start = now();
        for (int j = 0; j < BATCH; j++) {
            features_extract(chat, &bench_features);
        }
        int64_t extracted = now();
        for (int j = 0; j < BATCH; j++) {
            classify_once(chat, &classification);
        }
        int64_t classified = now();
        for (int j = 0; j < BATCH; j++) {
            plan_once(&classification);
        }
        int64_t planned = now();
        extract[i] = (double)(extracted - start) / BATCH;
        sort[i] = (double)(classified - extracted) / BATCH;
        plan[i] = (double)(planned - classified) / BATCH;
    }
    double e = median(extract);
    double c = median(sort);
    double p = median(plan);
    printf("%-22s features %8.0f ns  classify %7.0f ns  plan %6.0f ns  all %8.0f ns  (%s, %zu "
           "bytes)\n",
           name, e, c, p, e + c + p, task_name(classification.task), bench_features.text_bytes);
    printf("decision, %s, p99  %.2f us\n", name, slow_one(chat) / 1e3);
}

static const char prose[] = "Summarize the following incident report for the management in five "
                            "bullet points. Keep the numbers, do not "
                            "speculate about causes, and mention what customers noticed.\\n\\nOn "
                            "Tuesday at 14:05 the payment gateway began "
                            "to answer slowly. Within ten minutes about 12 % of the checkouts "
                            "failed with a time-out, mostly in Europe. The "
                            "team on call noticed the alarm at 14:11, restarted two of the four "
                            "instances and saw the rate of errors fall to "
                            "3 %. At 14:32 a second wave began, because the clients that had been "
                            "waiting tried again all at once. A limit on "
                            "the number of connections was lowered at 14:40, which brought the "
                            "queue down. All services were back to normal at "
                            "15:02. In total 1,841 orders were delayed and 212 were lost. Support "
                            "received 96 tickets; most of them were "
                            "answered the same day. The cause seems to have been a change of the "
                            "certificate store that made every new "
                            "connection take longer, but this is being examined. Follow-up work: a "
                            "test of the pool under slow handshakes, an "
                            "alarm on the age of the oldest request, and a rehearsal of the switch "
                            "to the second provider before the end of the "
                            "quarter. The next review is planned for the 14th, with the teams of "
                            "payments, platform and support.";

static const char code[] = "Fix the bug in this function, it sometimes returns the wrong index. Do "
                           "not rename anything.\\n\\n```python\\nimport "
                           "bisect\\nfrom typing import Sequence\\n\\ndef find_slot(values: "
                           "Sequence[int], wanted: int) -> int:\\n    low, high "
                           "= 0, len(values)\\n    while low < high:\\n        middle = (low + "
                           "high) // 2\\n        if values[middle] < "
                           "wanted:\\n            low = middle\\n        else:\\n            high "
                           "= middle - 1\\n    return low\\n\\nclass "
                           "Index:\\n    def __init__(self, rows):\\n        self.rows = "
                           "sorted(rows, key=lambda row: row.key)\\n        "
                           "self.keys = [row.key for row in self.rows]\\n\\n    def lookup(self, "
                           "key):\\n        position = find_slot(self.keys, "
                           "key)\\n        if position == len(self.keys) or self.keys[position] != "
                           "key:\\n            raise KeyError(key)\\n      "
                           "  return self.rows[position]\\n\\n    def insert(self, row):\\n        "
                           "position = find_slot(self.keys, row.key)\\n    "
                           "    self.keys.insert(position, row.key)\\n        "
                           "self.rows.insert(position, row)\\n```\\n\\nThe failing test is "
                           "this one:\\n\\n```\\nE   AssertionError: assert 3 == "
                           "4\\ntests/test_index.py:41: AssertionError\\n```\\n\\nExplain in "
                           "one sentence what was wrong, then give the corrected function only. It "
                           "must still work for an empty list, for "
                           "duplicates, and for keys that are larger than all others; the "
                           "complexity has to stay logarithmic.";

static struct chat_part bench_parts[TURNS + 1];
static struct chat_message bench_messages[TURNS + 1];

static void message_set(size_t i, enum chat_role role, struct slice text)
{
    bench_parts[i] = (struct chat_part){.kind = PART_TEXT, .text = text};
    bench_messages[i] =
        (struct chat_message){.role = role, .parts = &bench_parts[i], .part_count = 1};
}

static void measure_text(const char *name, struct slice text)
{
    message_set(0, ROLE_SYSTEM, SLICE("You are a helpful assistant. Answer briefly."));
    message_set(1, ROLE_USER, text);
    struct chat chat = {.messages = bench_messages, .message_count = 2, .choices = 1};
    measure(name, &chat);
}

/* Sentences of the prose in a random order, so that nothing repeats with a period. */
static struct slice long_text(void)
{
    char *text = malloc(LONG_BYTES);
    struct random random;
    random_seed(&random, 1);
    size_t len = 0;
    while (text != NULL && len + sizeof(prose) < LONG_BYTES) {
        size_t start = random_below(&random, sizeof(prose) - 200);
        size_t take = 100 + random_below(&random, 99);
        memcpy(text + len, prose + start, take);
        len += take;
        text[len++] = ' ';
    }
    return slice_of(text, len);
}

static void measure_turns(struct slice text)
{
    for (size_t i = 0; i < TURNS; i++) {
        message_set(i, i % 2 == 0 ? ROLE_USER : ROLE_ASSISTANT, slice_of(text.ptr + i * 512, 511));
    }
    message_set(TURNS, ROLE_USER,
                SLICE("Now write unit tests for the function that you fixed, with pytest."));
    struct chat chat = {.messages = bench_messages, .message_count = TURNS + 1, .choices = 1};
    measure("200 KB, 400 turns", &chat);
}

/* --- the prompts of a workload --- */

#define PROMPTS_MAX 4096
#define PROMPT_LEAST 500
#define PROMPT_MOST 1434 /* 1.4 KB */

static struct slice prompts[PROMPTS_MAX]; /* JSON, without the quotes */
#define PROMPT_ROUNDS 20                  /* and one that is not counted */
static double prompt_times[PROMPTS_MAX * PROMPT_ROUNDS];

static size_t read_prompts(const char *path, char *room, size_t size)
{
    FILE *file = fopen(path, "rb");
    size_t len = file == NULL ? 0 : fread(room, 1, size - 1, file);
    size_t count = 0;
    if (file != NULL) {
        fclose(file);
    }
    room[len] = '\0';
    static const char member[] = "\"prompt\":";
    for (char *at = strstr(room, member); at != NULL && count < PROMPTS_MAX;
         at = strstr(at, member)) {
        char *start = strchr(at + sizeof(member) - 1, '"');
        char *end = start == NULL ? NULL : start + 1;
        while (end != NULL && *end != '\0' && *end != '"') {
            end += *end == '\\' && end[1] != '\0' ? 2 : 1;
        }
        if (end == NULL || *end == '\0') {
            break;
        }
        struct slice text = slice_of(start + 1, (size_t)(end - start - 1));
        if (text.len >= PROMPT_LEAST && text.len <= PROMPT_MOST) {
            prompts[count++] = text;
        }
        at = end;
    }
    return count;
}

static double decide_prompt(struct slice prompt)
{
    struct classification classification;
    message_set(1, ROLE_USER, prompt);
    struct chat chat = {.messages = bench_messages, .message_count = 2, .choices = 1};
    int64_t start = now();
    features_extract(&chat, &bench_features);
    classify_once(&chat, &classification);
    plan_once(&classification);
    return (double)(now() - start);
}

static void measure_prompts(const char *path)
{
    const size_t size = (size_t)16 << 20;
    char *room = malloc(size);
    size_t count = room == NULL ? 0 : read_prompts(path, room, size);
    size_t bytes = 0;
    message_set(0, ROLE_SYSTEM, SLICE("You are a helpful assistant. Answer briefly."));
    for (size_t i = 0; i < count; i++) {
        decide_prompt(prompts[i]);
        bytes += prompts[i].len;
    }
    size_t samples = count * PROMPT_ROUNDS;
    for (size_t i = 0; i < samples; i++) {
        prompt_times[i] = decide_prompt(prompts[i % count]);
    }
    qsort(prompt_times, samples, sizeof(prompt_times[0]), compare_double);
    if (count > 0) {
        const char *on = everything ? ", everything on" : "";
        printf("decision, prompts of 500 B to 1.4 KB%s, median  %.2f us\n", on,
               prompt_times[samples / 2] / 1e3);
        printf("decision, prompts of 500 B to 1.4 KB%s, p99  %.2f us\n", on,
               prompt_times[samples / 100 * 99] / 1e3);
        printf("prompts of 500 B to 1.4 KB, mean  %zu bytes\n", bytes / count);
    }
    free(room);
}

static void measure_short(const char *of_prose, const char *of_code)
{
    measure_text(of_prose, slice_from_cstr(prose));
    measure_text(of_code, slice_from_cstr(code));
}

int main(int argc, char **argv)
{
    struct slice text = long_text();
    route_init();
    evidence_init();
    measure_short("1.4 KB prose", "1.4 KB code");
    measure_text("short", SLICE("What is the capital of Australia?"));
    measure_text("200 KB, one text", text);
    measure_turns(text);
    if (argc > 1) {
        measure_prompts(argv[1]);
    }
    everything = true;
    weights_init();
    experience_fill();
    measure_short("1.4 KB prose, everything on", "1.4 KB code, everything on");
    measure_text("200 KB, one text, everything on", text);
    if (argc > 1) {
        measure_prompts(argv[1]);
    }
    free((void *)(uintptr_t)text.ptr);
    weights_release(&bench_weights);
    evidence_free(bench_policy.evidence);
    return 0;
}
