/* SPDX-License-Identifier: Apache-2.0 */
/* sluice explain: who would answer a request, and why. Nothing is sent; the functions are those of
 * the real path. */
#include "cli/explain.h"

#include "cli/arguments.h"
#include "cli/load.h"
#include "cli/rows.h"
#include "cli/terminal.h"
#include "codec/json_write.h"
#include "dialect/dialect.h"
#include "gateway/call_forecast.h"
#include "gateway/conversation.h"
#include "gateway/evidence_keep.h"
#include "gateway/target_state.h"

#include <stdlib.h>
#include <unistd.h>

#define BODY_MAX (32u << 20)
#define ARENA_MAX (256u << 20)

/* What a caller would say in a header. */
static const struct {
    const char *argument;
    struct slice header;
} wishes[] = {
    {"task", SLICE_INIT("x-sluice-task")},
    {"min-tier", SLICE_INIT("x-sluice-min-tier")},
    {"max-latency-ms", SLICE_INIT("x-sluice-max-latency-ms")},
    {"max-cost-usd", SLICE_INIT("x-sluice-max-cost-usd")},
    {"local-only", SLICE_INIT("x-sluice-local-only")},
    {"session", SLICE_INIT("x-sluice-session")},
};

/* All that one explanation holds. */
struct explanation {
    struct buf body;
    struct buf model; /* --model, escaped */
    struct json_doc doc;
    struct arena arena;
    struct chat chat;
    struct features features;
    struct decision decision;
    struct target_states states;
    struct sessions *sessions;
    int64_t now_ns;
};

void explain_write_body(struct slice model, struct slice prompt, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_string(&w, SLICE("model"), model);
    json_key(&w, SLICE("messages"));
    json_begin_array(&w);
    json_begin_object(&w);
    json_member_string(&w, SLICE("role"), SLICE("user"));
    json_member_string(&w, SLICE("content"), prompt);
    json_end_object(&w);
    json_end_array(&w);
    json_end_object(&w);
}

/* The prompt: the words, or standard input for "-". */
static bool read_prompt(const struct arguments *arguments, struct buf *out, struct error *error)
{
    if (arguments->word_count == 1 && strcmp(arguments->words[0], "-") == 0) {
        return read_input("-", out, error);
    }
    for (size_t i = 0; i < arguments->word_count; i++) {
        buf_append_cstr(out, i == 0 ? "" : " ");
        buf_append_cstr(out, arguments->words[i]);
    }
    return true;
}

static bool read_body(const struct arguments *arguments, struct explanation *e, struct error *error)
{
    const char *file = arguments_value(arguments, "data");
    const char *model = arguments_value(arguments, "model");
    if (file != NULL) {
        return read_input(file, &e->body, error) &&
               (model == NULL || json_escape(slice_from_cstr(model), &e->model));
    }
    struct buf prompt = BUF_INIT(BODY_MAX);
    bool ok = read_prompt(arguments, &prompt, error);
    if (ok) {
        explain_write_body(slice_from_cstr(model != NULL ? model : "auto"), buf_slice(&prompt),
                           &e->body);
    }
    buf_release(&prompt);
    return ok;
}

/* The conversations of callers without a key, as the ledger has them; where it has none yet, there
 * is none. */
static void recall(const struct snapshot *snapshot, const struct http_request *request,
                   struct explanation *e)
{
    char path[1024];
    struct error error;
    int64_t wall_ns = clock_wall(&clock_system);
    bool sticky = e->decision.route != NULL && e->decision.route->sticky;
    if ((!sticky && !session_in_tool_loop(&e->chat)) || snapshot->ledger_path.len == 0 ||
        snapshot->ledger_path.len >= sizeof(path)) {
        return;
    }
    slice_to_cstr(snapshot->ledger_path, path, sizeof(path));
    e->sessions = sessions_new(0);
    if (e->sessions != NULL && sessions_load(e->sessions, path, wall_ns, &error)) {
        conversation_recall(e->sessions, snapshot, &e->chat, request, 0, wall_ns, &e->decision);
    }
}

/* What answers have taught, as the ledger has it; where there is none yet, nothing is known. */
static void learn(const struct snapshot *snapshot, struct explanation *e)
{
    char path[1024];
    struct error error;
    if (snapshot->ledger_path.len == 0 || snapshot->ledger_path.len >= sizeof(path)) {
        return;
    }
    slice_to_cstr(snapshot->ledger_path, path, sizeof(path));
    if (access(path, F_OK) != 0) {
        return;
    }
    error_clear(&error);
    if (!evidence_keep_read(e->states.evidence, path, clock_wall(&clock_system) / NS_PER_S,
                            &error) ||
        !forecast_seed_from(snapshot, path, &clock_system, &error)) {
        say("sluice explain: without what answers have taught, for the ledger cannot be read: %s",
            error.text);
    }
}

static bool decide(const struct arguments *arguments, struct snapshot *snapshot,
                   struct explanation *e, struct error *error)
{
    struct http_header headers[ARRAY_LEN(wishes)];
    struct http_request request = {.headers = headers};
    for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
        const char *value = arguments_value(arguments, wishes[i].argument);
        if (value != NULL) {
            bool is_switch = strcmp(value, wishes[i].argument) == 0;
            headers[request.header_count++] = (struct http_header){
                wishes[i].header, is_switch ? SLICE("true") : slice_from_cstr(value)};
        }
    }
    if (!target_states_attach(&e->states, snapshot)) {
        return error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    }
    learn(snapshot, e);
    if (!dialect_of(DIALECT_OPENAI_CHAT)
             ->read_request(buf_slice(&e->body), &e->doc, &e->arena, &e->chat, error)) {
        return false;
    }
    if (e->model.len > 0) {
        e->chat.model = buf_slice(&e->model);
    }
    if (!decide_begin(snapshot, NULL, &e->chat, DIALECT_OPENAI_CHAT, &request,
                      clock_wall(&clock_system), &e->arena, &e->decision, error)) {
        return false;
    }
    recall(snapshot, &request, e);
    decide_classify(snapshot, &e->chat, &e->features, &e->decision);
    decide_plan_at_leisure(snapshot, &e->chat, &e->features, e->now_ns, &e->decision);
    return true;
}

static int explain_with(const struct arguments *arguments, struct snapshot *snapshot,
                        struct explanation *e)
{
    struct error error;
    struct buf out = BUF_INIT(DATA_BYTES_MAX);
    error_clear(&error);
    if (!read_body(arguments, e, &error) || !decide(arguments, snapshot, e, &error)) {
        return say_error("explain", &error);
    }
    if (arguments_given(arguments, "session") &&
        (e->decision.route == NULL || !e->decision.route->sticky)) {
        say("sluice explain: --session changes nothing here: no session.sticky in this route");
    }
    if (arguments_given(arguments, "json")) {
        decide_write_json(snapshot, &e->chat, &e->features, &e->decision, &out);
        buf_append_char(&out, '\n');
    } else {
        explain_write_text(snapshot, &e->chat, &e->features, e->now_ns, &e->decision, &out);
    }
    int code = print_data(&out);
    return code == EXIT_CODE_OK && e->decision.plan.taken == 0 ? EXIT_CODE_FAILED : code;
}

static int explain_loaded(const struct arguments *arguments, struct snapshot *snapshot)
{
    struct explanation *e = calloc(1, sizeof(*e));
    if (e == NULL) {
        say("sluice explain: out of memory");
        return EXIT_CODE_FAILED;
    }
    buf_init(&e->body, BODY_MAX);
    buf_init(&e->model, BODY_MAX);
    json_doc_init(&e->doc);
    arena_init(&e->arena, ARENA_MAX);
    target_states_init(&e->states);
    e->now_ns = clock_monotonic(&clock_system);
    int code = explain_with(arguments, snapshot, e);
    sessions_free(e->sessions);
    target_states_release(&e->states);
    arena_release(&e->arena);
    json_doc_release(&e->doc);
    buf_release(&e->model);
    buf_release(&e->body);
    free(e);
    return code;
}

/* What the path would refuse as a bad header is a mistake on the command line here. False: it was
 * said. */
static bool check_values(const struct arguments *arguments, int *ret_code)
{
    const char *task = arguments_value(arguments, "task");
    const char *latency = arguments_value(arguments, "max-latency-ms");
    const char *cost = arguments_value(arguments, "max-cost-usd");
    enum task known;
    uint64_t ms;
    int64_t nd;
    if (task != NULL && !task_from_name(slice_from_cstr(task), &known)) {
        *ret_code = arguments_refuse(
            arguments,
            "there is no task \"%.64s\"; tasks are classification, code_fix, reasoning "
            "and so on (see x-sluice-task in the documentation)",
            task);
    } else if (latency != NULL &&
               (!slice_to_u64(slice_from_cstr(latency), &ms) || ms > INT32_MAX)) {
        *ret_code =
            arguments_refuse(arguments, "--max-latency-ms is a whole number of milliseconds");
    } else if (cost != NULL && (!slice_to_scaled(slice_from_cstr(cost), 9, &nd) || nd < 0)) {
        *ret_code =
            arguments_refuse(arguments, "--max-cost-usd is an amount in dollars such as 0.05");
    } else if ((arguments_value(arguments, "data") != NULL) == (arguments->word_count > 0)) {
        *ret_code = arguments_refuse(arguments, "give a prompt, or a request's body with -d FILE");
    } else {
        return true;
    }
    return false;
}

static int explain_run(int argc, char **argv)
{
    struct arguments arguments;
    struct loaded loaded;
    int code;
    if (!arguments_begin(&explain_command, argc, argv, &arguments, &code) ||
        !check_values(&arguments, &code)) {
        return code;
    }
    const struct load_request request = {.command = "explain",
                                         .file = arguments_value(&arguments, "config"),
                                         .probing = true,
                                         .generation = 1};
    code = load_configuration(&request, &loaded);
    if (code == EXIT_CODE_OK) {
        code = explain_loaded(&arguments, loaded.snapshot);
        loaded_release(&loaded);
    }
    return code;
}

static const struct argument explain_arguments[] = {
    ARGUMENT_CONFIG,
    ARGUMENT_JSON,
    {.name = "model",
     .letter = 'm',
     .value = "MODEL",
     .help = "route, target or provider/model (auto)"},
    {.name = "task",
     .letter = 't',
     .value = "TASK",
     .help = "say the task instead of classifying it"},
    {.name = "min-tier",
     .value = "TIER",
     .choices = "budget|mid|premium",
     .help = "no target below it"},
    {.name = "max-latency-ms", .value = "N", .help = "slower targets are refused"},
    {.name = "max-cost-usd", .value = "X", .help = "dearer targets are refused; 0: free ones only"},
    {.name = "local-only", .help = "only targets on this machine or network"},
    {.name = "session", .value = "ID", .help = "the conversation, as x-sluice-session names it"},
    {.name = "data",
     .letter = 'd',
     .value = "FILE",
     .help = "body of a chat request; -: standard input"},
};

const struct command explain_command = {
    .name = "explain",
    .summary = "show who would answer a request, and why",
    .example = "sluice explain \"Fix the off-by-one error in this loop\"\n"
               "sluice explain --max-cost-usd 0.001 --json -d body.json\n"
               "git diff | sluice explain -\n",
    .details =
        "Nothing is sent. What answers have taught is read from the ledger. Of who rests after\n"
        "failures, is switched off or near a cap only the server knows: POST\n"
        "/sluice/v1/explain asks it. Exit code 1 when no target satisfies the request.",
    .arguments = explain_arguments,
    .argument_count = ARRAY_LEN(explain_arguments),
    .words = "[PROMPT]",
    .words_max = WORDS_MAX,
    .run = explain_run,
};
