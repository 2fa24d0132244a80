/* SPDX-License-Identifier: Apache-2.0 */
/* The edit lane, byte for byte: what is listed changes, nothing else does. */
#include "base/random.h"
#include "codec/json_write.h"
#include "tests/unit/dialect/fixture.h"

static void expect_once(enum dialect_id dialect, const char *body,
                        const struct request_change *change, const char *wanted,
                        size_t wanted_edits)
{
    struct request request;
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    size_t edits = SIZE_MAX;
    request_read(&request, dialect, slice_from_cstr(body));
    EXPECT(request.ok);
    if (request.ok) {
        EXPECT(dialect_of(dialect)->edit_request(&request.chat, change, &out, &edits));
        EXPECT_SLICE(buf_slice(&out), wanted);
        EXPECT_INT(edits, wanted_edits);
    }
    request_release(&request);
    buf_release(&out);
}

/* With the model's name as the caller gives it, and with the JSON of it brought along. */
static void expect_edit(enum dialect_id dialect, const char *body, struct request_change change,
                        const char *wanted, size_t wanted_edits)
{
    struct buf json = BUF_INIT(FIXTURE_LIMIT);
    expect_once(dialect, body, &change, wanted, wanted_edits);
    if (change.model.ptr != NULL) {
        buf_append_char(&json, '"');
        EXPECT(json_escape(change.model, &json));
        buf_append_char(&json, '"');
        change.model_json = buf_slice(&json);
        expect_once(dialect, body, &change, wanted, wanted_edits);
    }
    buf_release(&json);
}

#define CHAT DIALECT_OPENAI_CHAT
#define M "\"messages\": [{\"role\":\"user\",\"content\":\"hi\"}]"

static void changes_nothing_when_nothing_is_asked(void)
{
    const char *body = " {\n \"model\" : \"m\", " M ",\"x\":1.50E+2 , \"stream\":true}\n";
    expect_edit(CHAT, body, (struct request_change){.model = SLICE("m")}, body, 0);
    expect_edit(CHAT, body, (struct request_change){0}, body, 0);
    expect_edit(CHAT, "{\"model\":\"\\u006d\"," M "}", (struct request_change){.model = SLICE("m")},
                "{\"model\":\"\\u006d\"," M "}", 0);
}

static void puts_the_model_in_place(void)
{
    struct request_change change = {.model = SLICE("gpt\"4\"")};
    expect_edit(CHAT, "{ \"model\" :\t\"auto\" , " M "}", change,
                "{ \"model\" :\t\"gpt\\\"4\\\"\" , " M "}", 1);
    expect_edit(CHAT, "{" M " }", change, "{" M ",\"model\":\"gpt\\\"4\\\"\" }", 1);
    expect_edit(CHAT, "{" M ",\"model\":null}", change, "{" M ",\"model\":\"gpt\\\"4\\\"\"}", 1);
    expect_edit(CHAT, "{" M ",\"model\":\"\"}", change, "{" M ",\"model\":\"gpt\\\"4\\\"\"}", 1);
    expect_edit(CHAT, "{\"model\":\"gpt\\\"4\\u0022\"," M "}", change,
                "{\"model\":\"gpt\\\"4\\u0022\"," M "}", 0);
}

static void asks_for_usage_in_streams_only(void)
{
    struct request_change change = {.add_usage = true};
    expect_edit(CHAT, "{" M "}", change, "{" M "}", 0);
    expect_edit(CHAT, "{" M ",\"stream\":false}", change, "{" M ",\"stream\":false}", 0);
    expect_edit(CHAT, "{" M ",\"stream\":true}", change,
                "{" M ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}", 1);
    expect_edit(CHAT, "{\"stream\":true,\"stream_options\": null," M "}", change,
                "{\"stream\":true,\"stream_options\": {\"include_usage\":true}," M "}", 1);
    expect_edit(CHAT, "{\"stream\":true,\"stream_options\":{ }," M "}", change,
                "{\"stream\":true,\"stream_options\":{ \"include_usage\":true}," M "}", 1);
    expect_edit(CHAT, "{\"stream\":true,\"stream_options\":{\"a\":1 }," M "}", change,
                "{\"stream\":true,\"stream_options\":{\"a\":1,\"include_usage\":true }," M "}", 1);
    expect_edit(CHAT, "{\"stream\":true,\"stream_options\":{\"include_usage\": false}," M "}",
                change, "{\"stream\":true,\"stream_options\":{\"include_usage\": true}," M "}", 1);
    expect_edit(CHAT, "{\"stream\":true,\"stream_options\":{\"include_usage\":true}," M "}", change,
                "{\"stream\":true,\"stream_options\":{\"include_usage\":true}," M "}", 0);
}

static void lowers_token_limits(void)
{
    struct request_change change = {.clamp_max_tokens = 100};
    expect_edit(CHAT, "{\"max_tokens\":50," M "}", change, "{\"max_tokens\":50," M "}", 0);
    expect_edit(CHAT, "{\"max_tokens\":1e2," M "}", change, "{\"max_tokens\":1e2," M "}", 0);
    expect_edit(CHAT, "{\"max_tokens\":5e2," M "}", change, "{\"max_tokens\":100," M "}", 1);
    expect_edit(CHAT, "{\"max_completion_tokens\": 500," M "}", change,
                "{\"max_completion_tokens\": 100," M "}", 1);
    expect_edit(CHAT, "{\"max_completion_tokens\":500,\"max_tokens\":500," M "}", change,
                "{\"max_completion_tokens\":100,\"max_tokens\":100," M "}", 2);
    expect_edit(CHAT, "{" M "}", change, "{" M ",\"max_tokens\":100}", 1);
    expect_edit(CHAT, "{\"max_tokens\":null," M "}", change, "{\"max_tokens\":100," M "}", 1);
    change.max_completion_tokens = true;
    expect_edit(CHAT, "{" M "}", change, "{" M ",\"max_completion_tokens\":100}", 1);
    expect_edit(CHAT, "{\"max_tokens\":null," M "}", change,
                "{\"max_tokens\":null," M ",\"max_completion_tokens\":100}", 1);
}

static void removes_policy_members(void)
{
    struct request_change change = {.model = SLICE("m")};
    expect_edit(CHAT, "{\"sluice\":{}, \"model\":\"m\", " M "}", change, "{\"model\":\"m\", " M "}",
                1);
    expect_edit(CHAT, "{\"model\":\"m\", " M " , \"sluice\" : {\"task\":\"math\"} }", change,
                "{\"model\":\"m\", " M " }", 1);
    expect_edit(CHAT, "{\"model\":\"m\",\"sluice\":null," M "}", change, "{\"model\":\"m\"," M "}",
                1);
    expect_edit(CHAT, "{\"model\":\"x\",\"models\":null," M "}", change, "{\"model\":\"m\"," M "}",
                2);
    expect_edit(CHAT, "{\"models\":[\"a\"],\"sluice\":null,\"model\":\"m\"," M "}", change,
                "{\"model\":\"m\"," M "}", 2);
    expect_edit(CHAT, "{" M ",\"model\":\"x\",\"sluice\":{},\"models\":[]}", change,
                "{" M ",\"model\":\"m\"}", 3);
    const char *routing =
        "{\"provider\":{\"sort\":\"price\"},\"model\":\"m\",\"session_id\":\"s\"," M "}";
    expect_edit(CHAT, routing, change, routing, 0);
    change.drop_routing = true;
    expect_edit(CHAT, routing, change, "{\"model\":\"m\"," M "}", 2);
}

static void makes_all_edits_at_once(void)
{
    struct request_change change = {.model = SLICE("m"),
                                    .clamp_max_tokens = 9,
                                    .add_usage = true,
                                    .max_completion_tokens = true,
                                    .drop_routing = true};
    expect_edit(CHAT,
                "{\"session_id\":\"s\",\"stream_options\":{\"x\":1},\"max_tokens\":10,\"provider\":"
                "{},\"sluice\":{}," M
                ",\"max_completion_tokens\":10,\"stream\":true,\"model\":\"auto\",\"models\":[]}",
                change,
                "{\"stream_options\":{\"x\":1,\"include_usage\":true},\"max_tokens\":9," M
                ",\"max_completion_tokens\":9,\"stream\":true,\"model\":\"m\"}",
                8);
}

static void edits_completions_alike(void)
{
    struct request_change change = {.model = SLICE("m"),
                                    .clamp_max_tokens = 9,
                                    .add_usage = true,
                                    .max_completion_tokens = true};
    expect_edit(DIALECT_OPENAI_COMPLETIONS, "{\"prompt\":\"p\",\"stream\":true,\"sluice\":{}}",
                change,
                "{\"prompt\":\"p\",\"stream\":true,\"model\":\"m\",\"stream_options\":{\"include_"
                "usage\":true},"
                "\"max_tokens\":9}",
                4);
}

static bool recall_some(void *user, struct slice call_id, struct opaque_state *ret_state)
{
    size_t *asked = user;
    (*asked)++;
    *ret_state = (struct opaque_state){.dialect = CHAT, .reasoning = SLICE("so \\\"so\\\"")};
    return slice_eq(call_id, SLICE("c1"));
}

#define CALL(id)                                                                                   \
    "\"tool_calls\":[{\"id\":\"" id "\",\"type\":\"function\",\"function\":{"                      \
    "\"name\":\"f\",\"arguments\":\"{}\"}}]"
#define TURNS(turn) "{\"model\":\"m\",\"messages\":[" turn ",{\"role\":\"user\",\"content\":\"\"}]}"
#define THOUGHT "\"reasoning_content\":\"so \\\"so\\\"\""

static void puts_thoughts_back(void)
{
    size_t asked = 0;
    struct request_change change = {.model = SLICE("m"),
                                    .recall = recall_some,
                                    .recall_user = &asked,
                                    .replay_reasoning = true};
    expect_edit(CHAT, TURNS("{ \"role\":\"assistant\", " CALL("c1") " }"), change,
                TURNS("{" THOUGHT ", \"role\":\"assistant\", " CALL("c1") " }"), 1);
    expect_edit(CHAT, TURNS("{\"role\":\"assistant\",\"reasoning_content\": null ," CALL("c1") "}"),
                change,
                TURNS("{\"role\":\"assistant\","
                      "\"reasoning_content\": \"so \\\"so\\\"\" ," CALL("c1") "}"),
                1);
    expect_edit(CHAT, TURNS("{\"role\":\"assistant\",\"reasoning_content\":\"\"," CALL("c1") "}"),
                change, TURNS("{\"role\":\"assistant\"," THOUGHT "," CALL("c1") "}"), 1);
    EXPECT(asked > 0);
    asked = 0;
    const char *unknown = TURNS("{\"role\":\"assistant\"," CALL("c2") "}");
    expect_edit(CHAT, unknown, change, unknown, 0);
    EXPECT(asked > 0);
    asked = 0;
    const char *own = TURNS("{\"role\":\"assistant\",\"reasoning_content\":\"x\"," CALL("c1") "}");
    expect_edit(CHAT, own, change, own, 0);
    const char *plain = TURNS("{\"role\":\"assistant\",\"content\":\"x\"}");
    expect_edit(CHAT, plain, change, plain, 0);
    change.replay_reasoning = false;
    const char *unwanted = TURNS("{\"role\":\"assistant\"," CALL("c1") "}");
    expect_edit(CHAT, unwanted, change, unwanted, 0);
    EXPECT_INT(asked, 0);
}

static bool recall_details(void *user, struct slice call_id, struct opaque_state *ret_state)
{
    (void)user;
    bool known = slice_eq(call_id, SLICE("c1"));
    *ret_state = (struct opaque_state){.dialect = CHAT, .reasoning = SLICE("hm")};
    ret_state->details = known ? SLICE("{\"type\":\"a\"},{\"n\":1.0}") : SLICE_EMPTY;
    return true;
}

#define DETAILS "\"reasoning_details\":[{\"type\":\"a\"},{\"n\":1.0}]"

/* The raw elements, byte for byte, and only where the client does not bring its own. */
static void puts_details_back(void)
{
    struct request_change change = {.model = SLICE("m"),
                                    .recall = recall_details,
                                    .replay_reasoning = true,
                                    .reasoning_details = true};
    expect_edit(CHAT, TURNS("{ \"role\":\"assistant\", " CALL("c1") " }"), change,
                TURNS("{" DETAILS ", \"role\":\"assistant\", " CALL("c1") " }"), 1);
    expect_edit(CHAT, TURNS("{\"role\":\"assistant\",\"reasoning_details\": null ," CALL("c1") "}"),
                change,
                TURNS("{\"role\":\"assistant\",\"reasoning_details\": [{\"type\":\"a\"},"
                      "{\"n\":1.0}] ," CALL("c1") "}"),
                1);
    expect_edit(CHAT, TURNS("{\"role\":\"assistant\",\"reasoning_details\":[]," CALL("c1") "}"),
                change, TURNS("{\"role\":\"assistant\"," DETAILS "," CALL("c1") "}"), 1);
    /* text of its own is not what the vendor seals */
    expect_edit(CHAT, TURNS("{\"role\":\"assistant\",\"reasoning\":\"x\"," CALL("c1") "}"), change,
                TURNS("{" DETAILS ",\"role\":\"assistant\",\"reasoning\":\"x\"," CALL("c1") "}"),
                1);
    const char *own = TURNS("{\"role\":\"assistant\",\"reasoning_details\":[{}]," CALL("c1") "}");
    expect_edit(CHAT, own, change, own, 0);
    const char *none_kept = TURNS("{\"role\":\"assistant\"," CALL("c2") "}");
    expect_edit(CHAT, none_kept, change, none_kept, 0);
    const char *plain = TURNS("{\"role\":\"assistant\",\"content\":\"x\"}");
    expect_edit(CHAT, plain, change, plain, 0);
    change.recall = NULL;
    const char *no_store = TURNS("{\"role\":\"assistant\"," CALL("c1") "}");
    expect_edit(CHAT, no_store, change, no_store, 0);
}

static void fails_when_the_room_is_too_small(void)
{
    struct request request;
    struct buf out = BUF_INIT(8);
    struct request_change change = {.model = SLICE("m")};
    size_t edits;
    request_read(&request, CHAT, SLICE("{\"model\":\"auto\"," M "}"));
    EXPECT(request.ok);
    EXPECT(!dialect_of(CHAT)->edit_request(&request.chat, &change, &out, &edits));
    request_release(&request);
    buf_release(&out);
}

/* --- random requests: members in any order, with any spacing and unknown members between them ---
 */

struct member {
    char lead[8];     /* space before the key */
    char text[160];   /* key, colon and value as sent */
    char edited[160]; /* the same after the edits */
    char trail[8];    /* space after the value */
    bool removed;
};

#define MEMBERS_MAX 24

struct sample {
    struct member members[MEMBERS_MAX];
    size_t count;
    const char *added; /* members that the edits add at the end */
    size_t edits;
};

static const char *random_space(struct random *random)
{
    static const char *const spaces[] = {"", "", " ", "\n", "\t", " \r\n", "  "};
    return spaces[random_below(random, ARRAY_LEN(spaces))];
}

static const char *random_value(struct random *random)
{
    static const char *const values[] = {
        "null",
        "true",
        "-0",
        "1.0e+05",
        "0.10",
        "\"\"",
        "\"\\u0041\\ud83d\\ude00\\/\"",
        "\"\xE2\x80\xA8 raw \xC3\xA9\"",
        "[ ]",
        "{ \"model\" : \"inner\" , \"sluice\":{} }",
        "[1, [2 , {\"a\":[]}]]",
        "12345678901234567890123",
        "{\"messages\":[],\"max_tokens\":1,\"max_tokens\":2}",
    };
    return values[random_below(random, ARRAY_LEN(values))];
}

static void add_member(struct sample *sample, struct random *random, const char *key,
                       const char *value, const char *edited)
{
    struct member *member = &sample->members[sample->count++];
    const char *before = random_space(random);
    const char *after = random_space(random);
    memset(member, 0, sizeof *member);
    (void)snprintf(member->lead, sizeof member->lead, "%s", random_space(random));
    (void)snprintf(member->trail, sizeof member->trail, "%s", random_space(random));
    (void)snprintf(member->text, sizeof member->text, "\"%s\"%s:%s%s", key, before, after, value);
    member->removed = edited == NULL;
    (void)snprintf(member->edited, sizeof member->edited, "\"%s\"%s:%s%s", key, before, after,
                   edited == NULL ? "" : edited);
    sample->edits += edited == NULL || strcmp(value, edited) != 0 ? 1 : 0;
}

static void shuffle(struct sample *sample, struct random *random)
{
    for (size_t i = sample->count; i > 1; i--) {
        size_t j = random_below(random, i);
        struct member held = sample->members[i - 1];
        sample->members[i - 1] = sample->members[j];
        sample->members[j] = held;
    }
}

static struct sample random_sample(struct random *random)
{
    struct sample sample = {.added = ""};
    size_t unknown = random_below(random, 12);
    bool model = random_below(random, 4) > 0;
    add_member(&sample, random, "messages",
               "[ {\"role\":\"user\", \"content\" : \"hi\", \"extra\":1e2} ]",
               "[ {\"role\":\"user\", \"content\" : \"hi\", \"extra\":1e2} ]");
    for (size_t i = 0; i < unknown; i++) {
        char key[32];
        const char *value = random_value(random);
        (void)snprintf(key, sizeof key, "x%zu\\u00e9_%llu", i,
                       (unsigned long long)random_below(random, 1000));
        add_member(&sample, random, key, value, value);
    }
    if (model) {
        add_member(&sample, random, random_below(random, 2) == 0 ? "model" : "mod\\u0065l",
                   "\"auto\"", "\"t\\\\m\"");
    } else {
        sample.added = "\"model\":\"t\\\\m\"";
        sample.edits++;
    }
    if (random_below(random, 2) == 0) {
        add_member(&sample, random, "sluice", "{\"task\" : [1,2]}", NULL);
    }
    if (random_below(random, 3) == 0) {
        add_member(&sample, random, "models", "[ \"a\" ]", NULL);
    }
    if (random_below(random, 2) == 0) {
        add_member(&sample, random, "max_tokens", "4096", "77");
    } else {
        add_member(&sample, random, "max_tokens", "10", "10");
    }
    shuffle(&sample, random);
    return sample;
}

static void write_sample(const struct sample *sample, struct buf *sent)
{
    buf_append(sent, SLICE(" {"));
    for (size_t i = 0; i < sample->count; i++) {
        const struct member *member = &sample->members[i];
        buf_printf(sent, "%s%s%s%s", i == 0 ? "" : ",", member->lead, member->text, member->trail);
    }
    buf_append(sent, SLICE("}\r\n"));
}

/* The rule of removals: a run takes the space before it along when members follow, else the space
 * after what stays. */
static void write_expected(const struct sample *sample, struct buf *wanted)
{
    const struct member *kept = NULL;
    const char *lead = NULL;
    buf_append(wanted, SLICE(" {"));
    for (size_t i = 0; i < sample->count; i++) {
        const struct member *member = &sample->members[i];
        lead = lead == NULL ? member->lead : lead;
        if (member->removed) {
            continue;
        }
        if (kept != NULL) {
            buf_printf(wanted, "%s,", kept->trail);
        }
        buf_printf(wanted, "%s%s", lead, member->edited);
        kept = member;
        lead = NULL;
    }
    buf_printf(wanted, "%s%s%s}\r\n", sample->added[0] == '\0' ? "" : ",", sample->added,
               sample->members[sample->count - 1].trail);
}

static void edits_random_requests_byte_for_byte(void)
{
    struct random random;
    struct request_change change = {
        .model = SLICE("t\\m"), .clamp_max_tokens = 77, .add_usage = true};
    random_seed(&random, 20261121);
    for (int i = 0; i < 3000; i++) {
        struct sample sample = random_sample(&random);
        struct buf sent = BUF_INIT(FIXTURE_LIMIT);
        struct buf wanted = BUF_INIT(FIXTURE_LIMIT);
        struct buf out = BUF_INIT(FIXTURE_LIMIT);
        struct request request;
        size_t edits = SIZE_MAX;
        write_sample(&sample, &sent);
        write_expected(&sample, &wanted);
        request_read(&request, CHAT, buf_slice(&sent));
        EXPECT(request.ok && dialect_of(CHAT)->edit_request(&request.chat, &change, &out, &edits));
        if (!slice_eq(buf_slice(&out), buf_slice(&wanted)) || edits != sample.edits) {
            printf("# %.*s\n# became\n# %.*s\n# wanted\n# %.*s\n# edits %zu, wanted %zu\n",
                   SLICE_ARG(buf_slice(&sent)), SLICE_ARG(buf_slice(&out)),
                   SLICE_ARG(buf_slice(&wanted)), edits, sample.edits);
            EXPECT(false);
            i = 3000;
        }
        request_release(&request);
        buf_release(&sent);
        buf_release(&wanted);
        buf_release(&out);
    }
}

int main(void)
{
    TEST(changes_nothing_when_nothing_is_asked, "nothing to change: the bytes are the client's");
    TEST(puts_the_model_in_place, "the model's value is replaced where it stands, or added");
    TEST(asks_for_usage_in_streams_only,
         "usage is asked for in streams only, whatever the options are");
    TEST(lowers_token_limits, "token limits are lowered or added, never raised");
    TEST(removes_policy_members, "policy members do not leave the house");
    TEST(makes_all_edits_at_once, "all edits at once stay in order");
    TEST(edits_completions_alike, "completions are edited alike, with the older name of the limit");
    TEST(puts_thoughts_back, "thoughts are put back into turns with calls, where they are wanted");
    TEST(puts_details_back, "reasoning_details are put back byte for byte, a client's own stay");
    TEST(fails_when_the_room_is_too_small, "a body beyond the ceiling fails");
    TEST(edits_random_requests_byte_for_byte,
         "3,000 random requests change in the listed places only");
    return tap_done();
}
