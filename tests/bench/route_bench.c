/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a routing decision takes: median nanoseconds of features, classification and plan (10
 * targets with live statistics and evidence), for a request of 1.4 KB (prose, and code), and one of
 * 200 KB (one long text, and 400 turns). Prints two lines per case. Each sample is a batch of
 * decisions, so the clock's own cost does not show; but for the 99th percentile, of single
 * decisions.
 */
#include "base/clock.h"
#include "base/random.h"
#include "route/evidence.h"
#include "route/health.h"
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
        classify_text(text_model_default(), &bench_features, &classification);
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
            classify_text(text_model_default(), &bench_features, &classification);
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

int main(void)
{
    route_init();
    evidence_init();
    measure_text("1.4 KB prose", slice_from_cstr(prose));
    measure_text("1.4 KB code", slice_from_cstr(code));
    measure_text("short", SLICE("What is the capital of Australia?"));
    struct slice text = long_text();
    measure_text("200 KB, one text", text);
    measure_turns(text);
    free((void *)(uintptr_t)text.ptr);
    evidence_free(bench_policy.evidence);
    return 0;
}
