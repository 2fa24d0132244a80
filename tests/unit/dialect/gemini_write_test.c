/* SPDX-License-Identifier: Apache-2.0 */
/* Requests towards Gemini: what the goldens do not show, because it depends on the model, on what
 * was kept of earlier turns, or on the path. */
#include "tests/unit/dialect/files.h"
#include "tests/unit/dialect/fixture.h"

struct written {
    struct request request;
    struct buf body;
    struct buf path;
    struct loss loss;
    struct error error;
    bool ok;
};

static void write_with(struct written *w, enum dialect_id from, enum operation operation,
                       const char *text, const struct request_change *change)
{
    const struct dialect *gemini = dialect_of(DIALECT_GEMINI);
    memset(w, 0, sizeof *w);
    buf_init(&w->body, FIXTURE_LIMIT);
    buf_init(&w->path, FIXTURE_LIMIT);
    request_read_as(&w->request, from, operation, slice_from_cstr(text));
    EXPECT(w->request.ok);
    if (!w->request.ok) {
        printf("# %s: %s\n", text, w->request.error.text);
        return;
    }
    w->ok = gemini->write_request(&w->request.chat, change, &w->body, &w->loss, &w->error);
    EXPECT(gemini->write_path(&w->request.chat, change->model, &w->path));
    EXPECT(!w->ok || is_json(buf_slice(&w->body)));
}

static void written_release(struct written *w)
{
    request_release(&w->request);
    buf_release(&w->body);
    buf_release(&w->path);
}

static void expect_written(enum dialect_id from, const char *text, const char *model,
                           const char *body, const char *loss)
{
    struct written w;
    const struct request_change change = {.model = slice_from_cstr(model)};
    write_with(&w, from, OPERATION_CHAT, text, &change);
    EXPECT(w.ok);
    EXPECT_SLICE(buf_slice(&w.body), body);
    EXPECT_SLICE(slice_of(w.loss.text, w.loss.len), loss);
    written_release(&w);
}

static void expect_refused(enum dialect_id from, const char *text, const char *pointer)
{
    struct written w;
    const struct request_change change = {.model = SLICE("m")};
    write_with(&w, from, OPERATION_CHAT, text, &change);
    EXPECT(!w.ok);
    EXPECT_SLICE(slice_from_cstr(w.ok ? "" : w.error.code), "untranslatable");
    EXPECT_SLICE(slice_from_cstr(w.error.pointer), pointer);
    written_release(&w);
}

#define CHAT DIALECT_OPENAI_CHAT
#define HELLO "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]"
#define HI "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"Hi\"}]}]"
#define CALLED                                                                                     \
    "{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\",\"content\":null,"              \
    "\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\","            \
    "\"arguments\":\"\"}},{\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"g\","       \
    "\"arguments\":\" {\\\"x\\\":1} \"}}]}"

/* --- paths --- */

static void the_path_names_the_model(void)
{
    static const struct {
        const char *model;
        bool stream;
        enum operation operation;
        const char *path;
    } cases[] = {
        {"gemini-3-pro", false, OPERATION_CHAT, "/models/gemini-3-pro:generateContent"},
        {"gemini-3-pro", true, OPERATION_CHAT,
         "/models/gemini-3-pro:streamGenerateContent?alt=sse"},
        {"models/gemini-3-pro", true, OPERATION_COMPLETION,
         "/models/gemini-3-pro:streamGenerateContent?alt=sse"},
        {"tunedModels/my-1", false, OPERATION_CHAT, "/tunedModels/my-1:generateContent"},
        {"publishers/google/models/gemini-3-pro", false, OPERATION_TOKEN_COUNT,
         "/publishers/google/models/gemini-3-pro:countTokens"},
        {"a/b:c d?\xC3\xA9", false, OPERATION_EMBEDDING,
         "/models/a%2Fb%3Ac%20d%3F%C3%A9:embedContent"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf path = BUF_INIT(1024);
        struct chat chat = {.operation = cases[i].operation, .stream = cases[i].stream};
        EXPECT(
            dialect_of(DIALECT_GEMINI)->write_path(&chat, slice_from_cstr(cases[i].model), &path));
        EXPECT_SLICE(buf_slice(&path), cases[i].path);
        buf_release(&path);
    }
}

static void one_input_or_many(void)
{
    static const struct {
        enum dialect_id from;
        const char *text;
        const char *path;
        const char *body;
    } cases[] = {
        {DIALECT_GEMINI, "{\"content\":{\"parts\":[{\"text\":\"a\"}]}}", "/models/e:embedContent",
         "{\"model\":\"models/e\",\"content\":{\"parts\":[{\"text\":\"a\"}]}}"},
        {DIALECT_GEMINI,
         "{\"requests\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"title\":1}]}",
         "/models/e:batchEmbedContents",
         "{\"requests\":[{\"model\":\"models/e\",\"content\":{\"parts\":[{\"text\":\"a\"}]},"
         "\"title\":1}]}"},
        {DIALECT_OPENAI_EMBEDDINGS, "{\"model\":\"x\",\"input\":\"a\",\"dimensions\":4}",
         "/models/e:embedContent",
         "{\"model\":\"models/e\",\"content\":{\"parts\":[{\"text\":\"a\"}]},"
         "\"outputDimensionality\":4}"},
        {DIALECT_OPENAI_EMBEDDINGS, "{\"model\":\"x\",\"input\":[\"a\",\"b\"]}",
         "/models/e:batchEmbedContents",
         "{\"requests\":[{\"model\":\"models/e\",\"content\":{\"parts\":[{\"text\":\"a\"}]}},"
         "{\"model\":\"models/e\",\"content\":{\"parts\":[{\"text\":\"b\"}]}}]}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct written w;
        const struct request_change change = {.model = SLICE("e")};
        write_with(&w, cases[i].from, OPERATION_EMBEDDING, cases[i].text, &change);
        EXPECT_SLICE(buf_slice(&w.body), cases[i].body);
        EXPECT_SLICE(buf_slice(&w.path), cases[i].path);
        written_release(&w);
    }
}

/* --- signatures --- */

static bool recall(void *user, struct slice call_id, struct opaque_state *ret_state)
{
    const struct opaque_state *state = user;
    *ret_state = *state;
    return slice_eq(call_id, SLICE("a"));
}

static void expect_signature(enum dialect_id from, const char *text, struct opaque_state *state,
                             const char *model, const char *wanted)
{
    struct written w;
    const struct request_change change = {
        .model = slice_from_cstr(model), .recall = recall, .recall_user = state};
    write_with(&w, from, OPERATION_CHAT, text, &change);
    EXPECT(w.ok);
    if (slice_find_slice(buf_slice(&w.body), slice_from_cstr(wanted)) == SIZE_MAX) {
        printf("# %.*s\n# lacks %s\n", SLICE_ARG(buf_slice(&w.body)), wanted);
        EXPECT(false);
    }
    written_release(&w);
}

/* Case 31: what the model gave with a call comes back, though the client's dialect has no place for
 * it. */
static void the_first_call_is_signed(void)
{
    const char *text = "{\"model\":\"x\",\"messages\":[" CALLED "]}";
    struct opaque_state own = {.dialect = DIALECT_GEMINI, .call_signature = SLICE("c2ln")};
    struct opaque_state none = {.dialect = DIALECT_GEMINI};
    struct opaque_state foreign = {.dialect = DIALECT_ANTHROPIC, .call_signature = SLICE("Zm9v")};
#define FIRST "\"functionCall\":{\"id\":\"a\",\"name\":\"f\",\"args\":{}}"
#define SECOND ",{\"functionCall\":{\"id\":\"b\",\"name\":\"g\",\"args\":{\"x\":1}}}]"
    const char *skipped =
        FIRST ",\"thoughtSignature\":\"skip_thought_signature_validator\"}" SECOND;
    expect_signature(CHAT, text, &own, "gemini-3", FIRST ",\"thoughtSignature\":\"c2ln\"}" SECOND);
    expect_signature(CHAT, text, &none, "gemini-3", skipped);
    expect_signature(CHAT, text, &foreign, "models/gemini-4-pro", skipped);
    expect_signature(CHAT, text, &foreign, "gemini-2.5-flash", FIRST "}" SECOND);
    expect_signature(CHAT, text, &own, "models/gemini-2.5-flash",
                     FIRST ",\"thoughtSignature\":\"c2ln\"}" SECOND);
}

/* A client of Google's own dialect who dropped it gets it back; one who kept it is not touched. */
static void a_dropped_signature_is_put_back(void)
{
    struct opaque_state own = {.dialect = DIALECT_GEMINI, .call_signature = SLICE("c2ln")};
    expect_signature(
        DIALECT_GEMINI,
        "{\"contents\":[{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"id\":\"a\","
        "\"name\":\"f\",\"args\":{ }}}]}]}",
        &own, "gemini-3",
        "{\"functionCall\":{\"id\":\"a\",\"name\":\"f\",\"args\":{ }},"
        "\"thoughtSignature\":\"c2ln\"}");
    expect_signature(
        DIALECT_GEMINI,
        "{\"contents\":[{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"id\":\"a\","
        "\"name\":\"f\"},\"thought_signature\":\"mine\"}]}]}",
        &own, "gemini-3",
        "[{\"functionCall\":{\"id\":\"a\",\"name\":\"f\"},"
        "\"thought_signature\":\"mine\"}]");
    expect_signature(DIALECT_GEMINI,
                     "{\"contents\":[{\"role\":\"model\",\"parts\":[{\"functionCall\":{"
                     "\"name\":\"f\"}}]}]}",
                     &own, "gemini-3", "[{\"functionCall\":{\"name\":\"f\"}}]");
}

/* --- turns --- */

/* Case 26. */
static void results_follow_the_order_of_their_calls(void)
{
    expect_written(
        CHAT,
        "{\"model\":\"x\",\"messages\":[" CALLED ",{\"role\":\"tool\",\"tool_call_id\":\"b\","
        "\"content\":\"B\"},{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\" "
        "{\\\"r\\\":1}\"},"
        "{\"role\":\"user\",\"content\":\"Go on\"}]}",
        "gemini-2.5-pro",
        "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"x\"}]},{\"role\":\"model\","
        "\"parts\":["
        "{\"functionCall\":{\"id\":\"a\",\"name\":\"f\",\"args\":{}}},{\"functionCall\":{\"id\":"
        "\"b\","
        "\"name\":\"g\",\"args\":{\"x\":1}}}]},{\"role\":\"user\",\"parts\":[{\"functionResponse\":"
        "{"
        "\"id\":\"a\",\"name\":\"f\",\"response\":{\"r\":1}}},{\"functionResponse\":{\"id\":\"b\","
        "\"name\":\"g\",\"response\":{\"output\":\"B\"}}},{\"text\":\"Go on\"}]}]}",
        "");
}

static void instructions_in_the_middle_keep_their_place(void)
{
    expect_written(
        CHAT,
        "{\"model\":\"x\",\"messages\":[{\"role\":\"system\",\"content\":\"A\"},"
        "{\"role\":\"developer\",\"content\":\"B\"},{\"role\":\"user\",\"content\":\"x\"},"
        "{\"role\":\"system\",\"content\":\"C\"},{\"role\":\"assistant\",\"content\":\"\"},"
        "{\"role\":\"user\",\"content\":\"y\"}]}",
        "m",
        "{\"systemInstruction\":{\"parts\":[{\"text\":\"A\"},{\"text\":\"B\"}]},"
        "\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"x\"},{\"text\":\"C\"},"
        "{\"text\":\"y\"}]}]}",
        "messages.3.role");
    expect_written(CHAT, "{\"model\":\"x\",\"messages\":[{\"role\":\"system\",\"content\":\"A\"}]}",
                   "m", "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"A\"}]}]}",
                   "messages.0.role");
    expect_written(CHAT,
                   "{\"model\":\"x\",\"messages\":[{\"role\":\"system\",\"content\":\"\"},"
                   "{\"role\":\"user\",\"content\":\"x\"}]}",
                   "m", "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"x\"}]}]}", "");
}

/* Case 10: older models take no files within results, so they stand beside them. */
static void files_of_results_go_where_the_model_takes_them(void)
{
    const char *text =
        "{\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":"
        "\"assistant\","
        "\"content\":[{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":{}}]},{\"role\":"
        "\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"a\",\"is_error\":true,"
        "\"content\":[{\"type\":\"text\",\"text\":\"{\\\"e\\\":1}\"},{\"type\":\"image\","
        "\"source\":{"
        "\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"AAAA\"}}]}]}]}";
#define BEGIN                                                                                      \
    "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"x\"}]},{\"role\":\"model\","         \
    "\"parts\":[{\"functionCall\":{\"id\":\"a\",\"name\":\"f\",\"args\":{}}"
#define RESULT                                                                                     \
    "}]},{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"id\":\"a\",\"name\":\"f\","        \
    "\"response\":{\"error\":{\"e\":1}}"
#define IMAGE "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AAAA\"}}"
#define END "]}],\"generationConfig\":{\"maxOutputTokens\":1}}"
    expect_written(DIALECT_ANTHROPIC, text, "gemini-2.0-flash", BEGIN RESULT "}}," IMAGE END, "");
    expect_written(DIALECT_ANTHROPIC, text, "gemini-3-flash",
                   BEGIN ",\"thoughtSignature\":\""
                         "skip_thought_signature_validator\"" RESULT ",\"parts\":[" IMAGE "]}}" END,
                   "");
}

static void what_cannot_be_said_is_refused(void)
{
    static const struct {
        const char *content;
        const char *pointer;
    } cases[] = {
        {"{\"type\":\"image_url\",\"image_url\":{\"url\":\"http://example.org/a.png\"}}",
         "/messages/0/content/0"},
        {"{\"type\":\"image_url\",\"image_url\":{\"url\":\"ftp://example.org/a.png\"}}",
         "/messages/0/content/0"},
        {"{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png,raw\"}}",
         "/messages/0/content/0"},
        {"{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:;base64,AAAA\"}}",
         "/messages/0/content/0"},
        {"{\"type\":\"hologram\"}", "/messages/0/content/0"},
        {"{\"type\":\"file\",\"file\":{\"file_id\":\"file-1\"}}", "/messages/0/content/0"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[512];
        (void)snprintf(text, sizeof text,
                       "{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":[%s]}]}",
                       cases[i].content);
        expect_refused(CHAT, text, cases[i].pointer);
    }
    expect_refused(CHAT,
                   "{\"model\":\"x\",\"messages\":[{\"role\":\"system\",\"content\":[{\"type\":"
                   "\"image_url\",\"image_url\":{\"url\":\"https://e.org\"}}]},"
                   "{\"role\":\"user\",\"content\":\"x\"}]}",
                   "/messages/0/content/0");
    expect_refused(CHAT,
                   "{\"model\":\"x\",\"messages\":[" CALLED ",{\"role\":\"tool\",\"tool_call_id\":"
                   "\"a\",\"content\":[{\"type\":\"hologram\"}]}]}",
                   "/messages/2/content/0");
    expect_refused(CHAT,
                   "{\"model\":\"x\"," HELLO ",\"stop\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"]}",
                   "/stop");
}

static void media_types_are_told_or_left_to_google(void)
{
    static const struct {
        const char *part;
        const char *wanted;
    } cases[] = {
        {"{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://e.org/a.JPG?x=.png\"}}",
         "{\"fileData\":{\"mimeType\":\"image/jpeg\",\"fileUri\":\"https://e.org/a.JPG?x=.png\"}}"},
        {"{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://e.org/a.webp#.png\"}}",
         "{\"fileData\":{\"mimeType\":\"image/webp\",\"fileUri\":\"https://e.org/a.webp#.png\"}}"},
        {"{\"type\":\"image_url\",\"image_url\":{\"url\":\"HTTPS://e.org/"
         "a.pdf\",\"detail\":\"auto\"}}",
         "{\"fileData\":{\"fileUri\":\"HTTPS://e.org/a.pdf\"}}"},
        {"{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/jpg;base64,AAAA\"}}",
         "{\"inlineData\":{\"mimeType\":\"image/jpeg\",\"data\":\"AAAA\"}}"},
        {"{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AAAA\",\"format\":\"mp3\"}}",
         "{\"inlineData\":{\"mimeType\":\"audio/mp3\",\"data\":\"AAAA\"}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[512];
        char wanted[512];
        (void)snprintf(text, sizeof text,
                       "{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":[%s]}]}",
                       cases[i].part);
        (void)snprintf(wanted, sizeof wanted, "{\"contents\":[{\"role\":\"user\",\"parts\":[%s]}]}",
                       cases[i].wanted);
        expect_written(CHAT, text, "m", wanted, "");
    }
}

/* --- thinking --- */

static void thinking_is_said_in_the_models_measure(void)
{
    static const struct {
        const char *member;
        const char *model;
        const char *config; /* of thinkingConfig; NULL: none */
        const char *loss;
    } cases[] = {
        {"\"reasoning_effort\":\"high\"", "gemini-3-pro", "\"thinkingLevel\":\"HIGH\"", ""},
        {"\"reasoning_effort\":\"low\"", "models/gemini-3-flash", "\"thinkingLevel\":\"LOW\"", ""},
        {"\"reasoning_effort\":\"minimal\"", "gemini-3-flash", "\"thinkingLevel\":\"MINIMAL\"", ""},
        {"\"reasoning_effort\":\"minimal\"", "gemini-3-pro", "\"thinkingLevel\":\"LOW\"",
         "reasoning_effort"},
        {"\"reasoning_effort\":\"none\"", "gemini-3-flash", "\"thinkingLevel\":\"MINIMAL\"",
         "reasoning_effort"},
        {"\"reasoning_effort\":\"max\"", "gemini-3-flash", "\"thinkingLevel\":\"HIGH\"",
         "reasoning_effort"},
        {"\"reasoning_effort\":\"odd\"", "gemini-3-flash", NULL, "reasoning_effort"},
        {"\"reasoning_effort\":\"odd\"", "gemini-2.5-flash", NULL, "reasoning_effort"},
        {"\"reasoning_effort\":\"high\"", "gemini-2.5-flash", "\"thinkingBudget\":24576", ""},
        {"\"reasoning_effort\":\"max\"", "gemini-2.5-flash", "\"thinkingBudget\":24576",
         "thinking_budget"},
        {"\"reasoning_effort\":\"none\"", "gemini-2.5-flash", "\"thinkingBudget\":0", ""},
        {"\"reasoning_effort\":\"none\"", "gemini-2.5-pro", "\"thinkingBudget\":128",
         "thinking_budget"},
        {"\"reasoning_effort\":\"none\"", "gemini-2.0-flash", NULL, ""},
        {"\"reasoning_effort\":\"high\"", "gemma-3-27b", NULL, "reasoning_effort"},
        {"\"n\":1", "gemini-2.5-pro", NULL, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[512];
        char wanted[512];
        (void)snprintf(text, sizeof text, "{\"model\":\"x\"," HELLO ",%s}", cases[i].member);
        (void)snprintf(wanted, sizeof wanted,
                       cases[i].config == NULL ? HI "}"
                                               : HI
                           ",\"generationConfig\":{\"thinkingConfig\":{%s}}}",
                       cases[i].config == NULL ? "" : cases[i].config);
        expect_written(CHAT, text, cases[i].model, wanted, cases[i].loss);
    }
}

static void budgets_and_free_choice_are_carried(void)
{
    static const struct {
        const char *thinking;
        const char *model;
        const char *config;
        const char *loss;
    } cases[] = {
        {"{\"type\":\"enabled\",\"budget_tokens\":2048,\"display\":\"omitted\"}", "gemini-2.5-pro",
         ",\"thinkingConfig\":{\"thinkingBudget\":2048}", ""},
        {"{\"type\":\"enabled\",\"budget_tokens\":2048,\"display\":\"omitted\"}", "gemini-3-pro",
         ",\"thinkingConfig\":{\"thinkingLevel\":\"MEDIUM\"}", "thinking_budget"},
        {"{\"type\":\"adaptive\",\"display\":\"omitted\"}", "gemini-2.5-pro",
         ",\"thinkingConfig\":{\"thinkingBudget\":-1}", ""},
        {"{\"type\":\"disabled\"}", "gemini-2.5-flash",
         ",\"thinkingConfig\":{\"thinkingBudget\":0}", ""},
        {"{\"type\":\"disabled\"}", "gemini-2.0-flash", "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[512];
        char wanted[512];
        (void)snprintf(text, sizeof text, "{\"max_tokens\":4000," HELLO ",\"thinking\":%s}",
                       cases[i].thinking);
        (void)snprintf(wanted, sizeof wanted,
                       HI ",\"generationConfig\":{\"maxOutputTokens\":4000%s}}", cases[i].config);
        expect_written(DIALECT_ANTHROPIC, text, cases[i].model, wanted, cases[i].loss);
    }
}

/* --- the rest --- */

static void tiers_have_googles_names(void)
{
    expect_written(CHAT, "{\"model\":\"x\"," HELLO ",\"service_tier\":\"priority\"}", "m",
                   HI ",\"serviceTier\":\"priority\"}", "");
    expect_written(DIALECT_OPENAI_RESPONSES,
                   "{\"model\":\"x\",\"input\":\"Hi\",\"store\":false,\"service_tier\":\"flex\"}",
                   "m", HI ",\"serviceTier\":\"flex\"}", "");
    expect_written(DIALECT_OPENAI_RESPONSES,
                   "{\"model\":\"x\",\"input\":\"Hi\",\"store\":false,\"service_tier\":\"auto\"}",
                   "m", HI "}", "");
    expect_written(DIALECT_OPENAI_RESPONSES,
                   "{\"model\":\"x\",\"input\":\"Hi\",\"store\":false,\"service_tier\":\"scale\"}",
                   "m", HI "}", "service_tier");
    expect_written(DIALECT_GEMINI, HI ",\"serviceTier\":\"new\"}", "m",
                   HI ",\"serviceTier\":\"new\"}", "");
}

static void a_choice_among_no_tools_is_not_said(void)
{
    expect_written(CHAT, "{\"model\":\"x\"," HELLO ",\"tool_choice\":\"none\"}", "m", HI "}", "");
    expect_written(CHAT,
                   "{\"model\":\"x\"," HELLO ",\"tools\":[{\"type\":\"computer\"}],"
                   "\"parallel_tool_calls\":false}",
                   "m", HI "}", "tools,parallel_tool_calls");
}

/* Case 14: a custom tool takes free text; here it is a function with one text. */
static void custom_tools_become_functions(void)
{
    struct written w;
    const struct request_change change = {.model = SLICE("m")};
    write_with(
        &w, DIALECT_OPENAI_RESPONSES, OPERATION_CHAT,
        "{\"model\":\"x\",\"store\":false,\"input\":[{\"role\":\"user\",\"content\":\"Hi\"},"
        "{\"type\":\"custom_tool_call\",\"call_id\":\"a\",\"name\":\"patch\",\"input\":\"*** "
        "\\\"B\\\"\"},{\"type\":\"custom_tool_call_output\",\"call_id\":\"a\",\"output\":\"ok\"}],"
        "\"tools\":[{\"type\":\"custom\",\"name\":\"patch\",\"description\":\"d\",\"format\":{"
        "\"type\":\"text\"}}]}",
        &change);
    EXPECT(w.ok);
    EXPECT_SLICE(buf_slice(&w.body),
                 "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"Hi\"}]},{\"role\":"
                 "\"model\",\"parts\":["
                 "{\"functionCall\":{\"id\":\"a\",\"name\":\"patch\",\"args\":{\"input\":\"*** "
                 "\\\"B\\\"\"}},"
                 "\"thoughtSignature\":\"skip_thought_signature_validator\"}]},{\"role\":\"user\","
                 "\"parts\":["
                 "{\"functionResponse\":{\"id\":\"a\",\"name\":\"patch\",\"response\":{\"output\":"
                 "\"ok\"}}}]}],"
                 "\"tools\":[{\"functionDeclarations\":[{\"name\":\"patch\",\"description\":\"d\","
                 "\"parametersJsonSchema\":{\"type\":\"object\",\"properties\":{\"input\":{"
                 "\"type\":\"string\"}},"
                 "\"required\":[\"input\"]}}]}]}");
    written_release(&w);
}

static void limits_are_lowered(void)
{
    struct written w;
    struct request_change change = {.model = SLICE("m"), .clamp_max_tokens = 5};
    write_with(&w, CHAT, OPERATION_CHAT, "{\"model\":\"x\"," HELLO ",\"max_tokens\":9}", &change);
    EXPECT_SLICE(buf_slice(&w.body), HI ",\"generationConfig\":{\"maxOutputTokens\":5}}");
    written_release(&w);
    write_with(&w, DIALECT_ANTHROPIC, OPERATION_TOKEN_COUNT, "{" HELLO "}", &change);
    EXPECT_SLICE(buf_slice(&w.body), HI "}");
    written_release(&w);
}

/* More results than a turn can have calls stay as they came. */
static void very_many_results_stay_as_they_came(void)
{
    struct buf text = BUF_INIT(FIXTURE_LIMIT);
    buf_append(&text,
               SLICE("{\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}"));
    for (int turn = 0; turn < 3; turn++) {
        buf_append(&text, SLICE(",{\"role\":\"assistant\",\"content\":["));
        for (int i = 0; i < 100; i++) {
            buf_printf(&text,
                       "%s{\"type\":\"tool_use\",\"id\":\"c%d\",\"name\":\"f\",\"input\":{}}",
                       i > 0 ? "," : "", turn * 100 + i);
        }
        buf_append(&text, SLICE("]}"));
    }
    buf_append(&text, SLICE(",{\"role\":\"user\",\"content\":["));
    for (int i = 299; i >= 0; i--) {
        buf_printf(&text, "{\"type\":\"tool_result\",\"tool_use_id\":\"c%d\",\"content\":\"r\"}%s",
                   i, i > 0 ? "," : "]}]}");
    }
    buf_append_char(&text, '\0');
    struct request r;
    request_read(&r, DIALECT_ANTHROPIC, slice_from_cstr(text.ptr));
    if (r.ok) {
        struct buf out = BUF_INIT(FIXTURE_LIMIT);
        struct loss loss = {.len = 0};
        const struct request_change change = {.model = SLICE("m")};
        EXPECT(dialect_of(DIALECT_GEMINI)->write_request(&r.chat, &change, &out, &loss, &r.error));
        size_t last =
            slice_find_slice(buf_slice(&out), SLICE("{\"functionResponse\":{\"id\":\"c299\""));
        size_t first =
            slice_find_slice(buf_slice(&out), SLICE("{\"functionResponse\":{\"id\":\"c0\""));
        EXPECT(last != SIZE_MAX && first != SIZE_MAX && last < first);
        buf_release(&out);
    } else {
        printf("# %s %s\n", r.error.code, r.error.pointer);
    }
    request_release(&r);
    buf_release(&text);
}

/* --- properties --- */

static bool write_again(struct slice body, enum operation operation, struct buf *out)
{
    struct request r;
    struct loss loss = {.len = 0};
    const struct request_change change = {.model = SLICE("m")};
    request_read_as(&r, DIALECT_GEMINI, operation, body);
    bool ok =
        r.ok && dialect_of(DIALECT_GEMINI)->write_request(&r.chat, &change, out, &loss, &r.error);
    EXPECT(loss.len == 0);
    request_release(&r);
    return ok;
}

static void what_is_written_reads_as_itself(void)
{
    struct files files;
    files_list(&files, "request", ".json", NULL);
    size_t seen = 0;
    for (size_t i = 0; i < files.count; i++) {
        char path[FILES_PATH];
        struct buf body = BUF_INIT(FIXTURE_LIMIT);
        struct buf once = BUF_INIT(FIXTURE_LIMIT);
        struct buf twice = BUF_INIT(FIXTURE_LIMIT);
        if (strncmp(files.names[i], "gemini_", 7) != 0) {
            continue;
        }
        seen++;
        (void)snprintf(path, sizeof path, FILES_FOLDER "request/%s", files.names[i]);
        EXPECT(file_read(path, &body));
        enum operation operation = operation_of_file(files.names[i]);
        EXPECT(write_again(buf_slice(&body), operation, &once));
        EXPECT(write_again(buf_slice(&once), operation, &twice));
        EXPECT(slice_eq(buf_slice(&once), buf_slice(&twice)));
        buf_release(&body);
        buf_release(&once);
        buf_release(&twice);
    }
    EXPECT(seen >= 25);
    files_release(&files);
}

/* What must survive: texts, ids, names and arguments, as plain text, in order. */
static void collect(const struct chat *chat, struct buf *out)
{
    for (size_t i = 0; i < chat->message_count; i++) {
        for (size_t j = 0; j < chat->messages[i].part_count; j++) {
            const struct chat_part *part = &chat->messages[i].parts[j];
            if (part->kind == PART_TEXT && part->text.len > 0) {
                EXPECT(json_unescape(part->text, out));
                buf_append_char(out, '\n');
            }
            if (part->kind == PART_TOOL_CALL) {
                buf_append(out, part->id);
                buf_append_char(out, ' ');
                buf_append(out, part->name);
                buf_append_char(out, ' ');
                if (part->arguments_text) {
                    EXPECT(json_unescape(part->arguments, out));
                } else {
                    buf_append(out, part->arguments);
                }
                buf_append_char(out, '\n');
            }
        }
    }
}

static void survives(const struct request *r, enum dialect_id by, const char *name)
{
    const struct dialect *dialect = dialect_of(by);
    const struct request_change change = {.model = SLICE("m"), .default_max_tokens = 100};
    struct buf body = BUF_INIT(FIXTURE_LIMIT);
    struct buf before = BUF_INIT(FIXTURE_LIMIT);
    struct buf after = BUF_INIT(FIXTURE_LIMIT);
    struct loss loss = {.len = 0};
    struct error error = {0};
    struct request again;
    if (dialect->write_request(&r->chat, &change, &body, &loss, &error)) {
        request_read_as(&again, by, r->chat.operation, buf_slice(&body));
        EXPECT(again.ok);
        if (again.ok) {
            collect(&r->chat, &before);
            collect(&again.chat, &after);
        }
        if (!slice_eq(buf_slice(&before), buf_slice(&after))) {
            printf("# %s by %s:\n%.*s# became\n%.*s", name, dialect->name,
                   SLICE_ARG(buf_slice(&before)), SLICE_ARG(buf_slice(&after)));
            EXPECT(false);
        }
        request_release(&again);
    }
    buf_release(&body);
    buf_release(&before);
    buf_release(&after);
}

/* Results change their order where a dialect wants that of the calls, and a chat written for Ollama
 * joins texts of one turn: those two are left out. */
static void texts_ids_and_arguments_survive_other_dialects(void)
{
    static const enum dialect_id others[] = {DIALECT_OPENAI_CHAT, DIALECT_ANTHROPIC,
                                             DIALECT_OPENAI_RESPONSES};
    static const char *const names[] = {"simple", "snake",        "unsigned_call", "unicode",
                                        "schema", "result_image", "thoughts"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[FILES_PATH];
        struct buf body = BUF_INIT(FIXTURE_LIMIT);
        struct request r;
        (void)snprintf(path, sizeof path, FILES_FOLDER "request/gemini_%s.json", names[i]);
        EXPECT(file_read(path, &body));
        request_read(&r, DIALECT_GEMINI, buf_slice(&body));
        EXPECT(r.ok);
        for (size_t j = 0; r.ok && j < ARRAY_LEN(others); j++) {
            survives(&r, others[j], names[i]);
        }
        request_release(&r);
        buf_release(&body);
    }
}

int main(void)
{
    TEST(the_path_names_the_model, "the path names the model, its operation and the stream");
    TEST(one_input_or_many, "one input is embedded by itself, many as a batch");
    TEST(the_first_call_is_signed, "the first call of a turn is signed, if only by Google's word");
    TEST(a_dropped_signature_is_put_back, "a dropped signature is put back");
    TEST(results_follow_the_order_of_their_calls, "results follow the order of their calls");
    TEST(instructions_in_the_middle_keep_their_place,
         "instructions in the middle keep their place");
    TEST(files_of_results_go_where_the_model_takes_them,
         "files of results go where models take them");
    TEST(what_cannot_be_said_is_refused, "what cannot be said is refused with a pointer");
    TEST(media_types_are_told_or_left_to_google, "media types are told or left to Google");
    TEST(thinking_is_said_in_the_models_measure, "thinking is said in the model's measure");
    TEST(budgets_and_free_choice_are_carried, "budgets and free choice are carried");
    TEST(tiers_have_googles_names, "tiers have Google's names");
    TEST(a_choice_among_no_tools_is_not_said, "a choice among no tools is not said");
    TEST(custom_tools_become_functions, "custom tools become functions with one text");
    TEST(limits_are_lowered, "limits are lowered, but not of counts");
    TEST(very_many_results_stay_as_they_came,
         "more results than calls of a turn stay as they came");
    TEST(what_is_written_reads_as_itself, "what is written reads and writes as itself");
    TEST(texts_ids_and_arguments_survive_other_dialects, "texts, ids and arguments survive");
    return tap_done();
}
