/* SPDX-License-Identifier: Apache-2.0 */
/* The edit lane of Anthropic: the client's bytes but for the listed changes. */
#include "base/memory.h"
#include "base/random.h"
#include "tests/unit/dialect/fixture.h"

static void expect_edited(const char *text, const struct request_change *change, const char *wanted,
                          size_t wanted_edits)
{
    struct request request;
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    size_t edits = 99;
    request_read(&request, DIALECT_ANTHROPIC, slice_from_cstr(text));
    if (!request.ok) {
        printf("# %s\n", request.error.text);
    }
    EXPECT(request.ok);
    EXPECT(dialect_of(DIALECT_ANTHROPIC)->edit_request(&request.chat, change, &out, &edits));
    EXPECT_SLICE(buf_slice(&out), wanted);
    EXPECT_INT(edits, wanted_edits);
    request_release(&request);
    buf_release(&out);
}

#define HELLO "\"messages\": [ {\"role\":\"user\",\"content\":\"Hi\"} ]"

static void only_the_model_changes(void)
{
    struct request_change change = {.model = SLICE("b\"c")};
    expect_edited("{ \"model\" : \"a\" , \"max_tokens\":1, " HELLO " }", &change,
                  "{ \"model\" : \"b\\\"c\" , \"max_tokens\":1, " HELLO " }", 1);
    expect_edited("{\"max_tokens\":1," HELLO "}", &change,
                  "{\"max_tokens\":1," HELLO ",\"model\":\"b\\\"c\"}", 1);
    change.model_json = SLICE("\"b\\\"c\"");
    expect_edited("{ \"model\" : \"a\" , \"max_tokens\":1, " HELLO " }", &change,
                  "{ \"model\" : \"b\\\"c\" , \"max_tokens\":1, " HELLO " }", 1);
    expect_edited("{\"model\":\"b\\u0022c\",\"max_tokens\":1," HELLO "}", &change,
                  "{\"model\":\"b\\u0022c\",\"max_tokens\":1," HELLO "}", 0);
}

static void policy_members_leave(void)
{
    struct request_change change = {.model = SLICE("m")};
    const char *text = "{\"sluice\":{\"a\":[1]}, \"model\":\"m\",\"models\":[\"x\"],\"provider\":{"
                       "},\"betas\":[1]," HELLO "}";
    expect_edited(text, &change, "{\"model\":\"m\",\"provider\":{},\"betas\":[1]," HELLO "}", 2);
    change.drop_routing = true;
    expect_edited(text, &change, "{\"model\":\"m\",\"betas\":[1]," HELLO "}", 3);
}

static void limits_are_lowered_or_added(void)
{
    struct request_change change = {.model = SLICE("m"), .clamp_max_tokens = 500};
    expect_edited("{\"model\":\"m\",\"max_tokens\":501," HELLO "}", &change,
                  "{\"model\":\"m\",\"max_tokens\":500," HELLO "}", 1);
    expect_edited("{\"model\":\"m\",\"max_tokens\":500," HELLO "}", &change,
                  "{\"model\":\"m\",\"max_tokens\":500," HELLO "}", 0);
    expect_edited("{\"model\":\"m\",\"max_tokens\":0," HELLO "}", &change,
                  "{\"model\":\"m\",\"max_tokens\":0," HELLO "}", 0);
    expect_edited("{\"model\":\"m\"," HELLO "}", &change,
                  "{\"model\":\"m\"," HELLO ",\"max_tokens\":500}", 1);
    expect_edited("{\"model\":\"m\",\"max_tokens\":null," HELLO "}", &change,
                  "{\"model\":\"m\",\"max_tokens\":500," HELLO "}", 1);
}

#define THINKING "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":4000},"

static void a_budget_stays_below_the_limit(void)
{
    struct request_change change = {.model = SLICE("m"), .clamp_max_tokens = 3000};
    expect_edited("{\"model\":\"m\"," THINKING "\"max_tokens\":9000," HELLO "}", &change,
                  "{\"model\":\"m\",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1500},"
                  "\"max_tokens\":3000," HELLO "}",
                  2);
    expect_edited("{\"model\":\"m\"," THINKING "\"max_tokens\":3500," HELLO "}", &change,
                  "{\"model\":\"m\"," THINKING "\"max_tokens\":3000," HELLO "}", 1);
    change.clamp_max_tokens = 1024;
    expect_edited(
        "{\"model\":\"m\"," THINKING "\"max_tokens\":9000," HELLO "}", &change,
        "{\"model\":\"m\",\"thinking\":{\"type\":\"disabled\"},\"max_tokens\":1024," HELLO "}", 2);
}

static void a_count_gets_no_limit(void)
{
    struct request request;
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    struct request_change change = {.model = SLICE("m"), .clamp_max_tokens = 500};
    size_t edits = 99;
    struct slice body = SLICE("{\"model\":\"m\"," HELLO "}");
    memset(&request, 0, sizeof request);
    json_doc_init(&request.doc);
    arena_init(&request.arena, FIXTURE_LIMIT);
    request.chat.operation = OPERATION_TOKEN_COUNT;
    EXPECT(dialect_of(DIALECT_ANTHROPIC)
               ->read_request(body, &request.doc, &request.arena, &request.chat, &request.error));
    EXPECT(dialect_of(DIALECT_ANTHROPIC)->edit_request(&request.chat, &change, &out, &edits));
    EXPECT(edits == 0 && slice_eq(buf_slice(&out), body));
    request_release(&request);
    buf_release(&out);
}

#define OURS "{\"type\":\"thinking\",\"thinking\":\"o\",\"signature\":\"sluice.1\"}"
#define THEIRS "{\"type\":\"thinking\",\"thinking\":\"t\",\"signature\":\"Eq\"}"
#define TEXT "{\"type\":\"text\",\"text\":\"x\"}"
#define USER "{\"role\":\"user\",\"content\":\"u\"}"

static void expect_content(const char *content, const char *wanted, size_t edits)
{
    struct request_change change = {.model = SLICE("m")};
    char text[1024];
    char whole[1024];
    (void)snprintf(text, sizeof text,
                   "{\"model\":\"m\",\"messages\":[" USER ", {\"role\":\"assistant\",\"content\":[ "
                   "%s ]}],\"max_tokens\":1}",
                   content);
    (void)snprintf(whole, sizeof whole,
                   "{\"model\":\"m\",\"messages\":[" USER ", {\"role\":\"assistant\",\"content\":[ "
                   "%s ]}],\"max_tokens\":1}",
                   wanted);
    expect_edited(text, &change, whole, edits);
}

/* Case 24: what Anthropic did not think it would refuse. */
static void thoughts_with_our_seal_leave(void)
{
    expect_content(THEIRS ", " TEXT, THEIRS ", " TEXT, 0);
    expect_content(OURS " , " TEXT, TEXT, 1);
    expect_content(OURS "," OURS ", " TEXT, TEXT, 2);
    expect_content(TEXT " , " OURS, TEXT, 1);
    expect_content(TEXT "," OURS "," OURS, TEXT, 2);
    expect_content(THEIRS "," OURS "," TEXT "," OURS "," TEXT, THEIRS "," TEXT "," TEXT, 2);
    expect_content(OURS "," TEXT "," OURS, TEXT, 2);
}

static void turns_of_nothing_else_leave_with_them(void)
{
    struct request_change change = {.model = SLICE("m")};
#define EMPTIED "{\"role\":\"assistant\",\"content\":[" OURS "]}"
    expect_edited("{\"messages\":[" USER "," EMPTIED "," USER "],\"model\":\"m\"}", &change,
                  "{\"messages\":[" USER "," USER "],\"model\":\"m\"}", 1);
    expect_edited("{\"messages\":[" EMPTIED "," EMPTIED "," USER "],\"model\":\"m\"}", &change,
                  "{\"messages\":[" USER "],\"model\":\"m\"}", 2);
    expect_edited("{\"messages\":[" USER "," EMPTIED "],\"model\":\"a\",\"sluice\":{}}", &change,
                  "{\"messages\":[" USER "],\"model\":\"m\"}", 3);
    expect_edited("{\"messages\":[" EMPTIED "],\"model\":\"m\"}", &change,
                  "{\"messages\":[],\"model\":\"m\"}", 1);
}

/* More of them than an editor has room for, at random places: what is left reads, and asks for no
 * further edit. */
static void any_number_of_thoughts_leaves(void)
{
    struct random random;
    random_seed(&random, 3);
    for (int round = 0; round < 200; round++) {
        struct buf text = BUF_INIT(FIXTURE_LIMIT);
        struct buf out = BUF_INIT(FIXTURE_LIMIT);
        struct buf again = BUF_INIT(FIXTURE_LIMIT);
        struct request_change change = {.model = SLICE("m"), .clamp_max_tokens = 5};
        struct request request;
        size_t ours = 0;
        size_t edits = 0;
        buf_append(&text, SLICE("{\"model\":\"m\",\"max_tokens\":5,\"messages\":[" USER));
        for (size_t turn = 0; turn < random_below(&random, 12); turn++) {
            buf_append(&text, SLICE(",{\"role\":\"assistant\",\"content\":["));
            for (size_t i = 0; i < 1 + random_below(&random, 5); i++) {
                static const char *const blocks[] = {OURS, THEIRS, TEXT};
                size_t kind = random_below(&random, 3);
                ours += kind == 0 ? 1 : 0;
                buf_printf(&text, "%s%s", i > 0 ? "," : "", blocks[kind]);
            }
            buf_append(&text, SLICE("]}"));
        }
        buf_append(&text, SLICE("]}"));
        request_read(&request, DIALECT_ANTHROPIC, buf_slice(&text));
        EXPECT(request.ok);
        EXPECT(dialect_of(DIALECT_ANTHROPIC)->edit_request(&request.chat, &change, &out, &edits));
        EXPECT((edits == 0) == (ours == 0) && edits <= ours);
        request_release(&request);
        request_read(&request, DIALECT_ANTHROPIC, buf_slice(&out));
        EXPECT(request.ok);
        EXPECT(slice_find_slice(buf_slice(&out), SLICE("sluice.")) == SIZE_MAX);
        EXPECT(dialect_of(DIALECT_ANTHROPIC)->edit_request(&request.chat, &change, &again, &edits));
        EXPECT(edits == 0 && slice_eq(buf_slice(&out), buf_slice(&again)));
        request_release(&request);
        buf_release(&text);
        buf_release(&out);
        buf_release(&again);
    }
}

#ifdef SLUICE_FAULTS
static void without_memory_there_is_no_edit(void)
{
    struct slice body =
        SLICE("{\"messages\":[" USER "," EMPTIED "],\"model\":\"a\",\"sluice\":{}}");
    struct request_change change = {.model = SLICE("m")};
    bool done = false;
    for (int64_t nth = 0; nth < 64 && !done; nth++) {
        struct request request;
        struct buf out = BUF_INIT(FIXTURE_LIMIT);
        size_t edits = 0;
        request_read(&request, DIALECT_ANTHROPIC, body);
        memory_fail_nth(nth);
        bool ok = dialect_of(DIALECT_ANTHROPIC)->edit_request(&request.chat, &change, &out, &edits);
        done = !memory_fault_happened();
        memory_fail_nth(-1);
        EXPECT(ok == done);
        request_release(&request);
        buf_release(&out);
    }
    EXPECT(done);
}
#endif

int main(void)
{
    TEST(only_the_model_changes, "only the model changes");
    TEST(policy_members_leave, "policy's members leave");
    TEST(limits_are_lowered_or_added, "limits are lowered or added");
    TEST(a_budget_stays_below_the_limit, "a budget for thinking stays below the limit");
    TEST(a_count_gets_no_limit, "a request to count gets no limit");
    TEST(thoughts_with_our_seal_leave, "thoughts with our seal leave");
    TEST(turns_of_nothing_else_leave_with_them, "turns of nothing else leave with them");
    TEST(any_number_of_thoughts_leaves, "any number of thoughts leaves, at any place");
#ifdef SLUICE_FAULTS
    TEST(without_memory_there_is_no_edit, "without memory there is no edit");
#endif
    return tap_done();
}
