/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/tool_fit.h"

#include "base/memory.h"
#include "tests/unit/dialect/fixture.h"

#define LONG "a23456789b23456789c23456789d23456789e23456789f23456789g23456789h"

static void knows_what_each_vendor_takes(void)
{
    static const struct {
        enum dialect_id target;
        const char *name;
        bool fits;
    } rows[] = {
        {DIALECT_OPENAI_CHAT, "get_weather-2", true},
        {DIALECT_OPENAI_CHAT, "mcp.files/read", false},
        {DIALECT_OPENAI_CHAT, "w\\u00e9", false},
        {DIALECT_OPENAI_RESPONSES, LONG, true},
        {DIALECT_OPENAI_RESPONSES, LONG "5", false},
        {DIALECT_ANTHROPIC, LONG "5", true},
        {DIALECT_ANTHROPIC, LONG LONG, true},
        {DIALECT_ANTHROPIC, LONG LONG "9", false},
        {DIALECT_GEMINI, "mcp.files:read", true},
        {DIALECT_GEMINI, "2fa", false},
        {DIALECT_GEMINI, "_2fa", true},
        {DIALECT_BEDROCK, "a.b", false},
        {DIALECT_BEDROCK, "2fa", true},
        {DIALECT_OLLAMA, "any thing / at \xC3\xA4ll", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool fits = tool_name_fits(dialect_of(rows[i].target), slice_from_cstr(rows[i].name));
        if (fits != rows[i].fits) {
            printf("# %s %s\n", dialect_of(rows[i].target)->name, rows[i].name);
        }
        EXPECT(fits == rows[i].fits);
    }
}

static void expect_fit(enum dialect_id target, const char *name, const char *wanted)
{
    struct arena arena;
    arena_init(&arena, FIXTURE_LIMIT);
    struct slice fit = tool_name_fit(dialect_of(target), slice_from_cstr(name), &arena);
    EXPECT_SLICE(fit, wanted);
    EXPECT(tool_name_fits(dialect_of(target), fit));
    arena_release(&arena);
}

static void makes_the_same_name_every_time(void)
{
    expect_fit(DIALECT_OPENAI_CHAT, "plain", "plain");
    expect_fit(DIALECT_OPENAI_CHAT, "mcp.files/read", "mcp_files_read_dc88f2c6c878fd82");
    expect_fit(DIALECT_OPENAI_CHAT, "mcp.files\\/read", "mcp_files_read_dc88f2c6c878fd82");
    expect_fit(DIALECT_ANTHROPIC, "w\xC3\xA9tter", "w_tter_654eaff4971ef954");
    expect_fit(DIALECT_ANTHROPIC, "w\\u00e9tter", "w_tter_654eaff4971ef954");
    expect_fit(DIALECT_GEMINI, "2fa", "_2fa_97ce1a29f55b5995");
    expect_fit(DIALECT_OPENAI_CHAT, LONG "5",
               "a23456789b23456789c23456789d23456789e23456789f2_3edaff589494923e");
}

/* --- requests and answers --- */

#define TOOLS_JSON                                                                                 \
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"mcp.read\"}},"                     \
    "{\"type\":\"function\",\"function\":{\"name\":\"plain\"}}]"

static void turns_names_back(void)
{
    struct request request;
    struct tool_fit *fit = NULL;
    request_read(
        &request, DIALECT_OPENAI_CHAT,
        SLICE("{\"model\":\"m\"," TOOLS_JSON
              ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":"
              "\"mcp.read\"}},\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"},"
              "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c\","
              "\"type\":\"function\",\"function\":{\"name\":\"mcp.read\",\"arguments\":"
              "\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"r\"}]}"));
    EXPECT(request.ok);
    const struct chat sent = request.chat;
    EXPECT(tool_fit_rewrite(&request.chat, dialect_of(DIALECT_ANTHROPIC), &request.arena, &fit));
    EXPECT(fit != NULL);
    struct slice told = request.chat.tools[0].name;
    EXPECT_SLICE(sent.tools[0].name, "mcp.read");
    EXPECT(tool_name_fits(dialect_of(DIALECT_ANTHROPIC), told));
    EXPECT(slice_eq(request.chat.tool_choice_name, told));
    EXPECT(slice_eq(request.chat.messages[1].parts[0].name, told));
    EXPECT(slice_eq(request.chat.messages[2].parts[0].name, told));
    EXPECT_SLICE(request.chat.tools[1].name, "plain");

    const struct event events[] = {{.kind = EVENT_TEXT, .text = SLICE("a")},
                                   {.kind = EVENT_TOOL_CALL, .id = SLICE("1"), .name = told},
                                   {.kind = EVENT_TOOL_CALL, .name = SLICE("plain")},
                                   {.kind = EVENT_TOOL_CALL, .name = SLICE("unheard")}};
    const struct frame frame = {.events = events, .count = ARRAY_LEN(events)};
    struct frame back;
    EXPECT(tool_fit_frame(fit, &frame, &back));
    EXPECT_SLICE(back.events[0].text, "a");
    EXPECT_SLICE(back.events[1].name, "mcp.read");
    EXPECT_SLICE(back.events[1].id, "1");
    EXPECT_SLICE(back.events[2].name, "plain");
    EXPECT_SLICE(back.events[3].name, "unheard");
    const struct frame text = {.events = events, .count = 1};
    EXPECT(tool_fit_frame(fit, &text, &back));
    EXPECT(back.events == events);
    tool_fit_free(fit);
    request_release(&request);
}

#define TURNED_JSON                                                                                \
    "{\"model\":\"m\"," TOOLS_JSON                                                                 \
    ",\"messages\":[{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c\","       \
    "\"type\":\"function\",\"function\":{\"name\":\"mcp.read\",\"arguments\":\"{}\"}}]}]}"

/* Names of any length have a name; nobody gets an empty one. */
static void a_name_may_be_huge(void)
{
    static char name[3 << 20];
    memset(name, 'n', sizeof name);
    struct chat_tool tools[] = {{.kind = TOOL_FUNCTION, .name = slice_of(name, sizeof name)}};
    struct chat chat = {.tools = tools, .tool_count = 1};
    struct tool_fit *fit = NULL;
    struct arena arena;
    arena_init(&arena, FIXTURE_LIMIT);
    EXPECT(tool_fit_rewrite(&chat, dialect_of(DIALECT_OPENAI_CHAT), &arena, &fit));
    EXPECT(fit != NULL);
    EXPECT_INT(chat.tools[0].name.len, dialect_of(DIALECT_OPENAI_CHAT)->tool_name_max);
    EXPECT(slice_starts(chat.tools[0].name, SLICE("nnn")));
    const struct event call = {.kind = EVENT_TOOL_CALL, .name = chat.tools[0].name};
    const struct frame frame = {.events = &call, .count = 1};
    struct frame back;
    EXPECT(tool_fit_frame(fit, &frame, &back));
    EXPECT(slice_eq(back.events[0].name, slice_of(name, sizeof name)));
    tool_fit_free(fit);
    arena_release(&arena);
}

/* Rewrites within a budget of memory; what was not made must be told, and never be half a name. */
static bool rewrite_within(size_t budget)
{
    struct request request;
    struct tool_fit *fit = NULL;
    request_read(&request, DIALECT_OPENAI_CHAT, SLICE(TURNED_JSON));
    const struct chat sent = request.chat;
    struct arena arena;
    arena_init(&arena, budget);
    bool made = tool_fit_rewrite(&request.chat, dialect_of(DIALECT_ANTHROPIC), &arena, &fit);
    EXPECT_INT(fit != NULL, made);
    EXPECT(!made || (request.chat.tools[0].name.len > 0 &&
                     slice_eq(request.chat.messages[0].parts[0].name, request.chat.tools[0].name)));
    EXPECT_SLICE(sent.tools[0].name, "mcp.read");
    EXPECT_SLICE(sent.messages[0].parts[0].name, "mcp.read");
    tool_fit_free(fit);
    arena_release(&arena);
    request_release(&request);
    return made;
}

static void a_budget_that_is_spent_is_reported(void)
{
    size_t budget = 0;
    while (budget < FIXTURE_LIMIT && !rewrite_within(budget)) {
        budget += 16;
    }
    EXPECT(budget > 0 && budget < FIXTURE_LIMIT);
    EXPECT(rewrite_within(FIXTURE_LIMIT));
}

#ifdef SLUICE_FAULTS
static bool turn_one_back(struct tool_fit *fit, struct slice told)
{
    const struct event call = {.kind = EVENT_TOOL_CALL, .name = told};
    const struct frame frame = {.events = &call, .count = 1};
    struct frame back;
    bool turned = tool_fit_frame(fit, &frame, &back);
    EXPECT(!turned || slice_eq(back.events[0].name, SLICE("mcp.read")));
    return turned;
}

static void memory_that_is_not_there_is_reported(void)
{
    bool failed = true;
    int64_t nth = 0;
    for (; failed; nth++) {
        struct request request;
        struct tool_fit *fit = NULL;
        struct arena arena;
        request_read(&request, DIALECT_OPENAI_CHAT, SLICE(TURNED_JSON));
        arena_init(&arena, FIXTURE_LIMIT);
        memory_fail_nth(nth);
        bool made = tool_fit_rewrite(&request.chat, dialect_of(DIALECT_ANTHROPIC), &arena, &fit) &&
                    turn_one_back(fit, request.chat.tools[0].name);
        failed = memory_fault_happened();
        memory_fail_nth(-1);
        EXPECT_INT(made, !failed);
        tool_fit_free(fit);
        arena_release(&arena);
        request_release(&request);
    }
    EXPECT(nth > 4);
}
#endif

static void leaves_what_fits(void)
{
    struct request request;
    struct tool_fit *fit = NULL;
    request_read(&request, DIALECT_OPENAI_CHAT,
                 SLICE("{\"model\":\"m\"," TOOLS_JSON
                       ",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}"));
    const struct chat sent = request.chat;
    EXPECT(tool_fit_rewrite(&request.chat, dialect_of(DIALECT_OLLAMA), &request.arena, &fit));
    EXPECT(fit == NULL && sent.tools == request.chat.tools);
    EXPECT(tool_fit_rewrite(&request.chat, dialect_of(DIALECT_GEMINI), &request.arena, &fit));
    EXPECT(fit == NULL && sent.tools == request.chat.tools);
    request_release(&request);
}

int main(void)
{
    TEST(knows_what_each_vendor_takes, "knows which names each vendor takes");
    TEST(makes_the_same_name_every_time, "the same name becomes the same one, however it is spelt");
    TEST(turns_names_back,
         "names are told everywhere in the request and turned back in the answer");
    TEST(leaves_what_fits, "a request whose names fit stays as it is");
    TEST(a_name_may_be_huge, "a name of megabytes becomes one of the vendor's length");
    TEST(a_budget_that_is_spent_is_reported, "a budget that is spent is reported, at every step");
#ifdef SLUICE_FAULTS
    TEST(memory_that_is_not_there_is_reported, "out of memory is reported at every allocation");
#endif
    return tap_done();
}
