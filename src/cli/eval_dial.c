/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/eval_dial.h"

#include "codec/json_write.h"
#include "model/chat.h"
#include "route/plan.h"
#include "route/success.h"
#include "route/text_model.h"

#include <stdlib.h>

enum { WEAK, STRONG, PAIR };
#define WALL_S INT64_C(1800000000)
#define USD_PD PRICE_PD_PER_USD_PER_MTOK

/* A row that knows both. */
struct pair_row {
    uint64_t order;
    const struct learn_row *row;
    float scores[PAIR];
    struct classification classification;
    struct token_estimate tokens;
};

struct pair_rows {
    struct pair_row *rows;
    size_t count;
};

struct pair_route {
    struct target targets[PAIR];
    uint16_t candidates[PAIR];
    struct route route;
    struct policy policy;
    struct evidence *evidence; /* NULL: nothing is kept */
    struct features features;
    struct plan plan;
};

static float score_of(const struct learn_row *row, uint32_t model)
{
    for (size_t i = 0; i < row->outcome_count; i++) {
        if (row->outcomes[i].model == model) {
            return row->outcomes[i].score;
        }
    }
    return -1;
}

static int by_order(const void *a, const void *b)
{
    const struct pair_row *x = a;
    const struct pair_row *y = b;
    return (x->order > y->order) - (x->order < y->order);
}

/* As the real path sees a chat of one turn. */
static bool classify_row(struct pair_row *pair, struct features *features, struct buf *text)
{
    buf_clear(text);
    if (!json_escape(pair->row->prompt, text)) {
        return false;
    }
    struct chat_part part = {.kind = PART_TEXT, .text = buf_slice(text)};
    struct chat_message message = {.role = ROLE_USER, .parts = &part, .part_count = 1};
    const struct chat chat = {.messages = &message, .message_count = 1, .choices = 1};
    features_extract(&chat, features);
    classify_text(text_model_default(), features, &pair->classification);
    pair->tokens = features->tokens;
    return true;
}

static bool collect(const struct outcomes *outcomes, uint32_t weak, uint32_t strong,
                    struct pair_rows *pairs)
{
    const struct learn_set *set = &outcomes->set;
    struct buf text = BUF_INIT(OUTCOMES_LINE_MAX * 6);
    struct features *features = calloc(1, sizeof(*features));
    pairs->rows = calloc(set->count + 1, sizeof(pairs->rows[0]));
    bool done = features != NULL && pairs->rows != NULL;
    for (size_t i = 0; done && i < set->count; i++) {
        struct pair_row pair = {.order = set->rows[i].id, .row = &set->rows[i]};
        pair.scores[WEAK] = score_of(&set->rows[i], weak);
        pair.scores[STRONG] = score_of(&set->rows[i], strong);
        if (pair.scores[WEAK] >= 0 && pair.scores[STRONG] >= 0) {
            done = classify_row(&pair, features, &text);
            pairs->rows[pairs->count++] = pair;
        }
    }
    if (done) {
        qsort(pairs->rows, pairs->count, sizeof(pairs->rows[0]), by_order);
    }
    free(features);
    buf_release(&text);
    return done;
}

static void route_init(struct pair_route *route, double dial)
{
    static const struct slice names[PAIR] = {SLICE_INIT("weak"), SLICE_INIT("strong")};
    static const int64_t usd[PAIR] = {1, 20};
    for (size_t i = 0; i < PAIR; i++) {
        route->targets[i] = (struct target){
            .name = names[i],
            .dialects = 1,
            .price = {.known = true,
                      .base = {usd[i] * USD_PD, usd[i] * USD_PD, -1, -1, -1, -1, -1, -1, -1, -1}},
            .capabilities = UINT32_MAX,
            .tier = i == WEAK ? TIER_BUDGET : TIER_PREMIUM,
            .name_hash = evidence_name(names[i]),
        };
        route->candidates[i] = (uint16_t)i;
    }
    route->route = (struct route){
        .name = SLICE("dial"),
        .candidates = route->candidates,
        .candidate_count = PAIR,
        .baseline = NO_TARGET,
        .max_latency_ms = NO_LIMIT,
        .max_cost_nd = NO_LIMIT,
        .min_tier = -1,
        .conservative = dial,
        .conservative_min = dial,
        .conservative_max = dial,
        .max_attempts = 1,
    };
    for (int task = 0; task < TASK_COUNT; task++) {
        route->route.task_tier[task] = task_default_tier((enum task)task);
    }
    route->policy = (struct policy){.targets = route->targets,
                                    .target_count = PAIR,
                                    .routes = &route->route,
                                    .route_count = 1,
                                    .evidence = route->evidence};
}

static uint16_t choose(struct pair_route *route, const struct pair_row *pair)
{
    route->features.tokens = pair->tokens;
    route->features.choices = 1;
    struct plan_input input = {
        .policy = &route->policy,
        .route = &route->route,
        .features = &route->features,
        .classification = pair->classification,
        .tag = route->evidence == NULL ? 0 : pair->row->tag,
    };
    constraints_init(&input.constraints);
    plan_make(&input, &route->plan);
    return route->plan.entries[0].target;
}

static void learn(struct pair_route *route, const struct pair_row *pair)
{
    for (size_t i = 0; route->evidence != NULL && i < PAIR; i++) {
        const struct target *target = &route->targets[i];
        double score = (double)pair->scores[i];
        evidence_add(route->evidence, evidence_task(pair->classification.task), target, score, 1);
        if (pair->row->tag != 0) {
            evidence_add(route->evidence, pair->row->tag, target, score, 1);
        }
    }
}

static void run(struct pair_route *route, const struct pair_rows *pairs, int with,
                struct dial_place *place)
{
    double strong = 0;
    double quality = 0;
    for (size_t i = 0; i < pairs->count; i++) {
        uint16_t chosen = choose(route, &pairs->rows[i]);
        strong += chosen == STRONG;
        quality += (double)pairs->rows[i].scores[chosen];
        learn(route, &pairs->rows[i]);
    }
    place->share[with] = pairs->count == 0 ? 0 : strong / (double)pairs->count;
    place->quality[with] = pairs->count == 0 ? 0 : quality / (double)pairs->count;
}

static bool run_place(struct pair_route *route, const struct pair_rows *pairs,
                      struct dial_place *place)
{
    route->evidence = NULL;
    route_init(route, place->dial);
    run(route, pairs, 0, place);
    route->evidence = evidence_new();
    if (route->evidence == NULL) {
        return false;
    }
    evidence_tick(route->evidence, WALL_S);
    route_init(route, place->dial);
    run(route, pairs, 1, place);
    evidence_free(route->evidence);
    return true;
}

bool eval_dial(const struct outcomes *outcomes, uint32_t weak, uint32_t strong,
               struct dial_table *ret_table)
{
    struct pair_rows pairs = {NULL, 0};
    struct pair_route *route = calloc(1, sizeof(*route));
    *ret_table = (struct dial_table){.rows = 0};
    bool done = route != NULL && collect(outcomes, weak, strong, &pairs);
    ret_table->rows = pairs.count;
    for (size_t i = 0; done && i < pairs.count; i++) {
        ret_table->weak += (double)pairs.rows[i].scores[WEAK] / (double)pairs.count;
        ret_table->strong += (double)pairs.rows[i].scores[STRONG] / (double)pairs.count;
    }
    for (int i = 0; done && i < DIAL_PLACES; i++) {
        ret_table->places[i].dial = i / 10.0;
        done = run_place(route, &pairs, &ret_table->places[i]);
    }
    free(pairs.rows);
    free(route);
    return done;
}

/* --- saying it --- */

void eval_dial_write_text(const struct dial_table *table, struct buf *out)
{
    buf_printf(out, "%zu rows; always weak %.3f, always strong %.3f\n\n", table->rows, table->weak,
               table->strong);
    buf_append_cstr(out, "              nothing known      with evidence\n"
                         "conservative  strong   quality   strong   quality\n");
    for (int i = 0; i < DIAL_PLACES; i++) {
        const struct dial_place *place = &table->places[i];
        buf_printf(out, "%12.1f  %5.1f %%    %.3f  %5.1f %%    %.3f\n", place->dial,
                   place->share[0] * 100, place->quality[0], place->share[1] * 100,
                   place->quality[1]);
    }
}

static void write_half(struct json_writer *w, struct slice name, const struct dial_place *place,
                       int with)
{
    json_key(w, name);
    json_begin_object(w);
    json_member_scaled(w, SLICE("strong_share"), (int64_t)(place->share[with] * 1e4 + 0.5), 4);
    json_member_scaled(w, SLICE("quality"), (int64_t)(place->quality[with] * 1e4 + 0.5), 4);
    json_end_object(w);
}

void eval_dial_write_json(const struct dial_table *table, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_int(&w, SLICE("rows"), (int64_t)table->rows);
    json_member_scaled(&w, SLICE("weak"), (int64_t)(table->weak * 1e4 + 0.5), 4);
    json_member_scaled(&w, SLICE("strong"), (int64_t)(table->strong * 1e4 + 0.5), 4);
    json_key(&w, SLICE("dial"));
    json_begin_array(&w);
    for (int i = 0; i < DIAL_PLACES; i++) {
        json_begin_object(&w);
        json_member_scaled(&w, SLICE("conservative"), i, 1);
        write_half(&w, SLICE("nothing_known"), &table->places[i], 0);
        write_half(&w, SLICE("with_evidence"), &table->places[i], 1);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    buf_append_char(out, '\n');
}
