/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what a caller asks for to a decision: names, wishes in headers and bodies, and their errors.
 */
#include "gateway/decide.h"

#include "config/config.h"
#include "dialect/dialect.h"
#include "gateway/target_state.h"
#include "gateway/wishes.h"

#include "tests/tap.h"

#include <stdlib.h>

static const char yaml[] =
    "providers:\n"
    "  a: { preset: openai-compatible, base_url: 'http://127.0.0.1:1/v1' }\n"
    "  openrouter: { preset: openrouter, api_key: x }\n"
    "targets:\n"
    "  cheap: { provider: a, model: small/one, price: { input_per_mtok: 1, output_per_mtok: 2 } }\n"
    "  dear: { provider: a, model: large, price: { input_per_mtok: 10, output_per_mtok: 20 } }\n"
    "  'odd:floor': { provider: a, model: odd, price: { input_per_mtok: 1, output_per_mtok: 1 } }\n"
    "routes:\n"
    "  auto: { targets: [cheap, dear], max_cost_usd: 0.05 }\n"
    "  coding: { targets: [dear] }\n"
    "ledger: { enabled: false }\n";

static struct snapshot *snapshot;
static struct target_states states;

static const char *no_environment(const struct config_environment *environment, const char *name)
{
    (void)environment;
    (void)name;
    return NULL;
}

static void load(void)
{
    static const struct config_environment environment = {.get = no_environment};
    const struct config_options options = {
        .file = "/t.yaml", .environment = &environment, .wall_s = 1800000000, .generation = 1};
    struct diagnostics diagnostics;
    snapshot = config_load(slice_from_cstr(yaml), &options, &diagnostics);
    for (size_t i = 0; i < diagnostics.count; i++) {
        printf("# %s\n", diagnostics.items[i].message);
    }
    diagnostics_release(&diagnostics);
    target_states_init(&states);
    CHECK(snapshot != NULL && target_states_attach(&states, snapshot));
}

/* One request and what became of it, in words. */
struct asked {
    struct arena arena;
    struct json_doc doc;
    struct chat chat;
    struct decision decision;
    struct error error;
    char words[512];
};

static void put_names(struct buf *out, const char *label, const struct slice *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "%s%.*s ", i == 0 ? label : "", SLICE_ARG(names[i]));
    }
}

static void put_decision(const struct decision *d, struct buf *out)
{
    const struct constraints *c = &d->constraints;
    if (d->route != NULL) {
        buf_printf(out, "route %.*s ", SLICE_ARG(d->route->name));
    }
    for (size_t i = 0; i < d->model_count; i++) {
        buf_printf(out, "target %.*s ", SLICE_ARG(snapshot->policy.targets[d->models[i]].name));
    }
    if (d->task_given) {
        buf_printf(out, "task %s ", task_name(d->classification.task));
    }
    if (c->min_tier >= 0) {
        buf_printf(out, "tier %s ", tier_name((enum tier)c->min_tier));
    }
    if (c->max_latency_ms != NO_LIMIT) {
        buf_printf(out, "latency %lld ", (long long)c->max_latency_ms);
    }
    if (c->max_cost_nd != NO_LIMIT) {
        buf_printf(out, "cost %lld ", (long long)c->max_cost_nd);
    }
    if (c->max_input_pd != NO_LIMIT || c->max_output_pd != NO_LIMIT) {
        buf_printf(out, "rates %lld %lld ", (long long)c->max_input_pd,
                   (long long)c->max_output_pd);
    }
    put_names(out, "order ", c->order, c->order_count);
    put_names(out, "only ", c->only, c->only_count);
    put_names(out, "ignore ", c->ignore, c->ignore_count);
    buf_append_cstr(out, c->local_only ? "local " : "");
    buf_append_cstr(out, c->allow_fallbacks ? "" : "alone ");
    buf_append_cstr(out, c->require_parameters ? "parameters " : "");
    buf_append_cstr(out, c->sort == SORT_LATENCY      ? "fastest "
                         : c->sort == SORT_THROUGHPUT ? "throughput "
                                                      : "");
    put_names(out, "tags ", d->tags, d->tag_count);
    buf_append_cstr(out, d->strict ? "strict " : "");
    buf_append_cstr(out, d->meta ? "meta " : "");
}

/* "CODE POINTER" when it was refused. */
static void ask(struct asked *asked, const char *body, const struct http_request *request)
{
    struct buf out = BUF_INIT(sizeof(asked->words) - 1);
    arena_init(&asked->arena, 1u << 20);
    json_doc_init(&asked->doc);
    error_clear(&asked->error);
    asked->chat = (struct chat){.stream = false};
    bool ok = dialect_of(DIALECT_OPENAI_CHAT)
                  ->read_request(slice_from_cstr(body), &asked->doc, &asked->arena, &asked->chat,
                                 &asked->error) &&
              decide_begin(snapshot, NULL, &asked->chat, DIALECT_OPENAI_CHAT, request, 0,
                           &asked->arena, &asked->decision, &asked->error);
    if (ok) {
        put_decision(&asked->decision, &out);
    } else {
        buf_printf(&out, "%s %s", asked->error.code, asked->error.pointer);
    }
    slice_to_cstr(slice_trim(buf_slice(&out)), asked->words, sizeof(asked->words));
    buf_release(&out);
}

static void forget(struct asked *asked)
{
    json_doc_release(&asked->doc);
    arena_release(&asked->arena);
}

#define WITH(rest) "{" rest "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}"

/* long function: a table of bodies */
static void bodies(void)
{
    static const struct {
        const char *body;
        const char *words;
    } rows[] = {
        {WITH(""), "route auto"},
        {WITH("\"model\":\"auto\","), "route auto"},
        {WITH("\"model\":\"coding\","), "route coding"},
        {WITH("\"model\":\"cod\\u0069ng\","), "route coding"},
        {WITH("\"model\":\"dear\","), "target dear"},
        {WITH("\"model\":\"a/large\","), "target dear"},
        {WITH("\"model\":\"a/small/one\","), "target cheap"},
        {WITH("\"model\":\"auto:nitro\","), "route auto throughput"},
        {WITH("\"model\":\"dear:floor\","), "target dear"},
        {WITH("\"model\":\"odd:floor\","), "target odd:floor"},
        {WITH("\"model\":\"\","), "route auto"},
        {WITH("\"model\":\"none\","), "model_not_found /model"},
        {WITH("\"model\":\"none\",\"models\":[\"dear\",\"x\",\"cheap\"],"),
         "target dear target cheap"},
        {WITH("\"models\":[\"cheap\"],"), "target cheap"},
        {WITH("\"models\":[],"), "model_not_found /model"},
        {WITH("\"model\":\"auto\",\"models\":[\"cheap\"],"), "route auto"},
        {WITH("\"sluice\":{\"task\":\"code_fix\",\"min_tier\":\"mid\"},"),
         "route auto task code_fix tier mid"},
        {WITH("\"sluice\":{\"max_cost_usd\":0.25,\"max_latency_ms\":300},"),
         "route auto latency 300 cost 250000000"},
        {WITH("\"sluice\":{\"max_cost_usd\":\"0\"},"), "route auto cost 0"},
        {WITH("\"sluice\":{\"local_only\":true,\"strict\":true,\"meta\":true,\"cache\":\"off\","
              "\"session\":\"s\"},"),
         "route auto local strict meta"},
        {WITH("\"sluice\":{\"max_cost_usd\":-1},"), "invalid_option /sluice/max_cost_usd"},
        {WITH("\"sluice\":{\"max_cost_usd\":1e30},"), "invalid_option /sluice/max_cost_usd"},
        {WITH("\"sluice\":{\"max_cost_usd\":null},"), "invalid_option /sluice/max_cost_usd"},
        {WITH("\"sluice\":{\"max_latency_ms\":1.5},"), "invalid_option /sluice/max_latency_ms"},
        {WITH("\"sluice\":{\"max_latency_ms\":99999999999},"),
         "invalid_option /sluice/max_latency_ms"},
        {WITH("\"sluice\":{\"min_tier\":{\"a\":[]}},"), "invalid_option /sluice/min_tier"},
        {WITH("\"sluice\":{\"local_only\":\"yes\"},"), "invalid_option /sluice/local_only"},
        {WITH("\"sluice\":{\"cache\":\"semantic\"},"), "invalid_option /sluice/cache"},
        {WITH("\"sluice\":{\"min_teir\":\"mid\"},"), "invalid_option /sluice/min_teir"},
        {WITH("\"provider\":{\"order\":[\"openrouter\",\"a\"],\"only\":[\"a\"],\"ignore\":[]},"),
         "route auto order openrouter a only a"},
        {WITH("\"provider\":{\"sort\":\"latency\",\"allow_fallbacks\":false,"
              "\"require_parameters\":true},"),
         "route auto alone parameters fastest"},
        {WITH("\"provider\":{\"sort\":{\"by\":\"price\"},\"max_price\":{\"prompt\":1,"
              "\"completion\":\"2\"}},"),
         "route auto rates 1000000 2000000"},
        {WITH("\"provider\":{\"max_price\":{\"prompt\":\"much\"}},"),
         "invalid_option /provider/max_price"},
        {WITH("\"provider\":{\"max_price\":{\"prompt\":-1}},"),
         "invalid_option /provider/max_price"},
        {WITH("\"provider\":{\"max_price\":{\"prompt\":1,\"completion\":2.5}},"),
         "route auto rates 1000000 2500000"},
        {WITH("\"sluice\":{\"tags\":[\"\\u0061\",\"b\"]},"), "route auto tags a b"},
        {WITH("\"sluice\":{\"tags\":\"a,b\"},"), "route auto tags a b"},
        {WITH("\"sluice\":{\"tags\":[\"a,b\"]},"), "invalid_option /sluice/tags"},
        {WITH("\"sluice\":{\"tags\":[]},"), "invalid_option /sluice/tags"},
        {WITH("\"sluice\":{\"tags\":[1]},"), "invalid_option /sluice/tags"},
        {WITH("\"sluice\":{\"tags\":{}},"), "invalid_option /sluice/tags"},
        {WITH("\"sluice\":{\"tags\":[1,2,3,4,5,6,7,8,9]},"), "invalid_option /sluice/tags"},
        {WITH("\"sluice\":{\"task\":[\"math\"]},"), "invalid_option /sluice/task"},
        {WITH("\"sluice\":{\"tags\":1},"), "invalid_option /sluice/tags"},
        {WITH("\"provider\":{\"sort\":\"beauty\"},"), "invalid_option /provider/sort"},
        {WITH("\"provider\":{\"only\":\"a\"},"), "invalid_option /provider/only"},
        {WITH("\"provider\":{\"only\":[1]},"), "invalid_option /provider/only"},
        {WITH("\"provider\":{\"data_collection\":\"deny\"},"), "route auto"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct asked asked;
        ask(&asked, rows[i].body, NULL);
        if (strcmp(asked.words, rows[i].words) != 0) {
            printf("# %s\n", rows[i].body);
        }
        EXPECT_SLICE(slice_from_cstr(asked.words), rows[i].words);
        forget(&asked);
    }
}

static void headers(void)
{
    static const struct {
        struct http_header header;
        const char *words;
    } rows[] = {
        {{SLICE_INIT("X-Sluice-Task"), SLICE_INIT(" math ")}, "route auto task math"},
        {{SLICE_INIT("x-sluice-min-tier"), SLICE_INIT("premium")}, "route auto tier premium"},
        {{SLICE_INIT("x-sluice-max-cost-usd"), SLICE_INIT("0.000000001")}, "route auto cost 1"},
        {{SLICE_INIT("x-sluice-max-latency-ms"), SLICE_INIT("0")}, "route auto latency 0"},
        {{SLICE_INIT("x-sluice-local-only"), SLICE_INIT("TRUE")}, "route auto local"},
        {{SLICE_INIT("x-sluice-meta"), SLICE_INIT("1")}, "route auto meta"},
        {{SLICE_INIT("x-sluice-cache"), SLICE_INIT("refresh")}, "route auto"},
        {{SLICE_INIT("x-sluice-session"), SLICE_INIT("abc")}, "route auto"},
        {{SLICE_INIT("x-sluice-tags"), SLICE_INIT("a, b c")}, "route auto tags a b c"},
        {{SLICE_INIT("x-sluice-tags"), SLICE_INIT("")}, "invalid_header"},
        {{SLICE_INIT("x-sluice-tags"), SLICE_INIT("a\tb")}, "invalid_header"},
        {{SLICE_INIT("x-sluice-cache"), SLICE_INIT("exact")}, "route auto"},
        {{SLICE_INIT("x-sluice-cache"), SLICE_INIT("semantic")}, "invalid_header"},
        {{SLICE_INIT("x-sluice-max-cost-usd"), SLICE_INIT("")}, "invalid_header"},
        {{SLICE_INIT("x-sluice-max-cost-usd"), SLICE_INIT("nan")}, "invalid_header"},
        {{SLICE_INIT("x-sluice-max-cost-usd"), SLICE_INIT("-0.1")}, "invalid_header"},
        {{SLICE_INIT("x-sluice-task"), SLICE_INIT("napping")}, "invalid_header"},
        {{SLICE_INIT("x-sluice-max-cost"), SLICE_INIT("1")}, "invalid_header"},
        {{SLICE_INIT("x-sluicer"), SLICE_INIT("1")}, "route auto"},
        {{SLICE_INIT("x-request-id"), SLICE_INIT("1")}, "route auto"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_header header = rows[i].header;
        const struct http_request request = {.headers = &header, .header_count = 1};
        struct asked asked;
        ask(&asked, WITH(""), &request);
        EXPECT_SLICE(slice_from_cstr(asked.words), rows[i].words);
        forget(&asked);
    }
}

static void header_over_body(void)
{
    struct http_header header = {SLICE("x-sluice-min-tier"), SLICE("premium")};
    const struct http_request request = {.headers = &header, .header_count = 1};
    struct asked asked;
    ask(&asked, WITH("\"sluice\":{\"min_tier\":\"budget\"},"), &request);
    EXPECT_SLICE(slice_from_cstr(asked.words), "route auto tier premium");
    forget(&asked);
}

/* Lists whose members are looked up one by one have a ceiling, and say so at once. */
static void ceilings(void)
{
    static const char *const members[] = {"\"models\":[", "\"provider\":{\"only\":["};
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        for (int count = 64; count <= 65; count++) {
            struct buf body = BUF_INIT(1u << 16);
            struct asked asked;
            buf_printf(&body, "{%s\"a/large\"", members[i]);
            for (int n = 1; n < count; n++) {
                buf_append_cstr(&body, ",\"dear\"");
            }
            buf_printf(&body, "]%s,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
                       i == 0 ? "" : "}");
            buf_append_char(&body, '\0');
            ask(&asked, body.ptr, NULL);
            EXPECT_INT(asked.error.code == NULL, count == 64);
            EXPECT(count == 64 || strcmp(asked.error.code, "invalid_option") == 0);
            EXPECT(i == 1 || asked.decision.model_count <= DECISION_MODELS_MAX);
            forget(&asked);
            buf_release(&body);
        }
    }
}

/* A name that did not fit must not become an empty one that everything matches. */
static void lost_names(void)
{
    struct asked asked;
    struct chat chat;
    ask(&asked, WITH("\"provider\":{\"ignore\":[\"\\u0061\"]},"), NULL);
    EXPECT_SLICE(slice_from_cstr(asked.words), "route auto ignore a");
    chat = asked.chat;
    struct arena tiny;
    arena_init(&tiny, 32);
    EXPECT(!decide_begin(snapshot, NULL, &chat, DIALECT_OPENAI_CHAT, NULL, 0, &tiny,
                         &asked.decision, &asked.error));
    arena_release(&tiny);
    forget(&asked);
}

static bool json_has(const struct buf *text, const char *what)
{
    return slice_find_slice(buf_slice(text), slice_from_cstr(what)) != SIZE_MAX;
}

static void vectors_need_who_makes_them(void)
{
    const struct chat vectors = {.operation = OPERATION_EMBEDDING, .choices = 1};
    const struct chat talk = {.operation = OPERATION_CHAT, .choices = 1};
    unsigned dialects = decide_dialects(&vectors, false);
    EXPECT((dialects & DIALECT_BIT(DIALECT_OPENAI_EMBEDDINGS)) != 0);
    EXPECT((dialects & DIALECT_BIT(DIALECT_GEMINI)) != 0);
    EXPECT((dialects & DIALECT_BIT(DIALECT_ANTHROPIC)) == 0);
    EXPECT_INT(decide_dialects(&talk, false), 0);
}

static void explains(void)
{
    struct asked asked;
    struct features *features = calloc(1, sizeof(*features));
    struct buf out = BUF_INIT(1u << 20);
    struct json_doc doc;
    CHECK(features != NULL);
    ask(&asked, WITH("\"sluice\":{\"task\":\"math\",\"max_latency_ms\":100},"), NULL);
    decide_classify(snapshot, &asked.chat, features, &asked.decision);
    decide_plan(snapshot, &asked.chat, features, 1, &asked.decision);
    decide_write_json(snapshot, &asked.chat, features, &asked.decision, &out);
    json_doc_init(&doc);
    EXPECT(json_parse(&doc, buf_slice(&out), NULL, &asked.error));
    EXPECT(json_has(&out, "\"route\":\"auto\",\"task\":\"math\",\"task_reason\":\"given by the "
                          "caller\",\"task_confidence\":1"));
    EXPECT(json_has(&out, "\"max_latency_ms\":100,\"max_cost_usd\":0.05,\"baseline\":\"dear\""));
    EXPECT(json_has(&out, "\"target\":\"cheap\",\"provider\":\"a\",\"model\":\"small/one\""));
    EXPECT_INT(asked.decision.plan.count, 2);
    json_doc_release(&doc);
    buf_release(&out);
    forget(&asked);
    free(features);
}

/* Filling in the middle is for those who can say it on the wire. */
static void suffix(void)
{
    struct asked asked;
    struct plan_input input;
    struct features *features = calloc(1, sizeof(*features));
    CHECK(features != NULL);
    arena_init(&asked.arena, 1u << 20);
    json_doc_init(&asked.doc);
    struct slice body = SLICE("{\"model\":\"auto\",\"prompt\":\"int \",\"suffix\":\";\"}");
    EXPECT(dialect_of(DIALECT_OPENAI_COMPLETIONS)
               ->read_request(body, &asked.doc, &asked.arena, &asked.chat, &asked.error));
    EXPECT(decide_begin(snapshot, NULL, &asked.chat, DIALECT_OPENAI_COMPLETIONS, NULL, 0,
                        &asked.arena, &asked.decision, &asked.error));
    decide_classify(snapshot, &asked.chat, features, &asked.decision);
    decide_plan_input(snapshot, &asked.chat, features, 0, &asked.decision, &input);
    EXPECT(input.required_dialects ==
           (DIALECT_BIT(DIALECT_OPENAI_COMPLETIONS) | DIALECT_BIT(DIALECT_OLLAMA)));
    forget(&asked);
    free(features);
}

int main(void)
{
    load();
    TEST(bodies, "names and wishes of bodies are understood or refused with their place");
    TEST(headers, "wishes of headers are understood or refused");
    TEST(header_over_body, "a header wins over the body");
    TEST(ceilings, "lists of names have a ceiling");
    TEST(lost_names, "names that do not fit are an error");
    TEST(vectors_need_who_makes_them, "vectors are asked of those who make them");
    TEST(explains, "the explanation is JSON that shows the plan");
    TEST(suffix, "a suffix asks for dialects that can carry it");
    snapshot_unref(snapshot);
    target_states_release(&states);
    return tap_done();
}
