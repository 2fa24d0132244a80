/* SPDX-License-Identifier: Apache-2.0 */
/* What a body of the administration of keys may say, and what it may not. */
#include "gateway/key_body.h"

#include "base/memory.h"
#include "tests/tap.h"

#define NOW INT64_C(1790000000)
#define USD 1000000000LL

static struct key_body *body;
static struct error error;

static bool reads(enum key_operation operation, const char *text)
{
    bool ok = key_body_read(body, operation, slice_from_cstr(text), NOW, &error);
    if (!ok && error.code == NULL) {
        printf("# no code: %s\n", text);
    }
    return ok;
}

struct refusal {
    enum key_operation operation;
    const char *text;
    const char *code;
    const char *pointer;
};

static void check_refusals(const struct refusal *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool ok = reads(cases[i].operation, cases[i].text);
        if (ok || strcmp(error.code, cases[i].code) != 0 ||
            (cases[i].pointer != NULL && strcmp(error.pointer, cases[i].pointer) != 0)) {
            printf("# %s: %s %s\n", cases[i].text, ok ? "taken" : error.code, error.pointer);
            EXPECT(false);
        }
        key_body_release(body);
    }
}

#define CREATE KEY_OPERATION_CREATE
#define LIMIT KEY_OPERATION_LIMIT

static void a_whole_order(void)
{
    EXPECT(reads(CREATE,
                 "{\"name\":\"al\\u0069ce\",\"user\":\"ann\",\"team\":null,\"organisation\":"
                 "\"acme\",\"expires_in\":\"30d\",\"admin\":false,\"requests_per_minute\":60,"
                 "\"tokens_per_minute\":null,\"parallel\":0,\"max_request_usd\":0.25,\"pace\":true,"
                 "\"caps\":[{\"usd\":\"12.50\",\"per\":\"month\"},{\"usd\":0,\"per\":\"rolling\","
                 "\"window\":\"24h\",\"soft\":true}],\"routes\":[\"auto\"],\"models\":[\"gpt-*\","
                 "\"b\"],\"tags\":[\"x\"],\"limits\":{\"gpt4\":{\"parallel\":2},\"m\":{}}}"));
    const struct key_order *order = &body->order;
    EXPECT_SLICE(order->name, "alice");
    EXPECT_SLICE(order->scopes[SCOPE_USER], "ann");
    EXPECT_INT(order->scopes[SCOPE_TEAM].len, 0);
    EXPECT_SLICE(order->scopes[SCOPE_ORGANISATION], "acme");
    EXPECT_INT(order->expires_s, NOW + 30 * 86400);
    EXPECT_INT(order->role, KEY_CLIENT);
    const struct scope_limits *limits = &order->limits[0].limits;
    EXPECT_INT(limits->requests_per_minute, 60);
    EXPECT_INT(limits->tokens_per_minute, LIMIT_NONE);
    EXPECT_INT(limits->parallel, 0);
    EXPECT_INT(limits->max_request_nd, USD / 4);
    EXPECT(limits->pace);
    EXPECT_INT(limits->cap_count, 2);
    EXPECT_INT(limits->caps[0].amount_nd, 12 * USD + USD / 2);
    EXPECT_INT(limits->caps[0].period, CAP_MONTH);
    EXPECT(limits->caps[1].soft && limits->caps[1].window_s == 86400);
    EXPECT_INT(limits->caps[1].amount_nd, 0);
    EXPECT_INT(order->limit_count, 3);
    EXPECT_SLICE(order->limits[1].model, "gpt4");
    EXPECT_INT(order->limits[1].limits.parallel, 2);
    EXPECT_INT(order->grant_count, 4);
    EXPECT_INT(order->grants[1].kind, GRANT_MODEL);
    EXPECT_SLICE(slice_from_cstr(order->grants[1].text), "gpt-*");
    key_body_release(body);
    EXPECT(reads(CREATE, "{}"));
    EXPECT_INT(body->order.limit_count, 1);
    EXPECT_INT(body->order.expires_s, 0);
    key_body_release(body);
    EXPECT(reads(CREATE, "{\"expires_at\":1790000001,\"admin\":true}"));
    EXPECT_INT(body->order.expires_s, NOW + 1);
    EXPECT_INT(body->order.role, KEY_ADMIN);
    key_body_release(body);
}

static void bad_orders(void)
{
    static const struct refusal cases[] = {
        {CREATE, "", "invalid_json", NULL},
        {CREATE, "[]", "invalid_body", NULL},
        {CREATE, "{\"name\":1}", "invalid_body", "/name"},
        {CREATE, "{\"name\":\"\"}", "invalid_body", "/name"},
        {CREATE, "{\"nam\":\"a\"}", "unknown_member", NULL},
        {CREATE, "{\"name\":\"a\",\"nam\\u0065\":\"b\"}", "duplicate_member", NULL},
        {CREATE, "{\"max_request_usd\":-1}", "bad_amount", "/max_request_usd"},
        {CREATE, "{\"max_request_usd\":\"NaN\"}", "bad_amount", "/max_request_usd"},
        {CREATE, "{\"max_request_usd\":1e3}", "bad_amount", "/max_request_usd"},
        {CREATE, "{\"max_request_usd\":99999999999999999999}", "bad_amount", "/max_request_usd"},
        {CREATE, "{\"max_request_usd\":0.0000000001}", "bad_amount", "/max_request_usd"},
        {CREATE, "{\"max_request_usd\":[1]}", "bad_amount", "/max_request_usd"},
        {CREATE, "{\"max_request_usd\":NaN}", "invalid_json", NULL},
        {CREATE, "{\"parallel\":-1}", "bad_limit", "/parallel"},
        {CREATE, "{\"parallel\":1.5}", "bad_limit", "/parallel"},
        {CREATE, "{\"parallel\":\"3\"}", "bad_limit", "/parallel"},
        {CREATE, "{\"parallel\":9223372036854775808}", "bad_limit", "/parallel"},
        {CREATE, "{\"caps\":{}}", "invalid_body", "/caps"},
        {CREATE, "{\"caps\":[{\"usd\":1}]}", "bad_limit", "/caps"},
        {CREATE, "{\"caps\":[{\"per\":\"day\"}]}", "bad_limit", "/caps"},
        {CREATE, "{\"caps\":[{\"usd\":1,\"per\":\"year\"}]}", "bad_limit", NULL},
        {CREATE, "{\"caps\":[{\"usd\":-5,\"per\":\"day\"}]}", "bad_amount", NULL},
        {CREATE, "{\"caps\":[{\"usd\":1,\"per\":\"rolling\"}]}", "bad_limit", NULL},
        {CREATE, "{\"caps\":[{\"usd\":1,\"per\":\"day\",\"window\":\"1h\"}]}", "bad_limit", NULL},
        {CREATE, "{\"expires_in\":\"soon\"}", "bad_duration", "/expires_in"},
        {CREATE, "{\"expires_in\":\"0d\"}", "bad_duration", "/expires_in"},
        {CREATE, "{\"expires_in\":\"99999999999999999999d\"}", "bad_duration", "/expires_in"},
        {CREATE, "{\"expires_in\":\"15300000w\"}", "bad_duration", "/expires_in"},
        {CREATE, "{\"expires_at\":1790000000}", "bad_duration", "/expires_at"},
        {CREATE, "{\"routes\":[]}", "bad_grant", "/routes"},
        {CREATE, "{\"routes\":\"auto\"}", "invalid_body", "/routes"},
        {CREATE, "{\"routes\":[\"a\\u0000b\"]}", "bad_grant", "/routes"},
        {CREATE, "{\"limits\":{\"m\":{\"models\":1}}}", "unknown_member", NULL},
        {CREATE, "{\"limits\":{\"m\":{\"parallel\":-2}}}", "bad_limit", NULL},
        {CREATE, "{\"admin\":1}", "invalid_body", "/admin"},
        {CREATE, "{\"name\":[[[[[[[[[[1]]]]]]]]]]}", "json_too_deep", NULL},
        {KEY_OPERATION_REVOKE, "{}", "invalid_body", NULL},
        {KEY_OPERATION_REVOKE, "{\"which\":\"\"}", "invalid_body", NULL},
        {KEY_OPERATION_REVOKE, "{\"which\":\"a\",\"token\":\"b\"}", "invalid_body", NULL},
        {KEY_OPERATION_REVOKE, "{\"which\":\"a\",\"expires_in\":\"1h\"}", "invalid_body", NULL},
        {KEY_OPERATION_REVOKE, "{\"token\":7}", "invalid_body", "/token"},
        {KEY_OPERATION_REVOKE, "{\"token\":\"b\",\"expires_at\":0}", "bad_duration", "/expires_at"},
        {KEY_OPERATION_REVOKE, "{\"token\":\"b\",\"expires_at\":1e99}", "bad_duration",
         "/expires_at"},
        {KEY_OPERATION_ROTATE, "{\"token\":\"b\"}", "unknown_member", NULL},
        {KEY_OPERATION_REVOKE, "{\"which\":\"a\",\"overlap\":\"1h\"}", "unknown_member", NULL},
        {KEY_OPERATION_ROTATE, "{\"which\":\"a\",\"overlap\":3}", "invalid_body", "/overlap"},
        {KEY_OPERATION_ROTATE, "{\"which\":\"a\",\"overlap\":\"-1h\"}", "bad_duration", "/overlap"},
        {LIMIT, "{\"parallel\":1}", "invalid_body", NULL},
        {LIMIT, "{\"user\":\"a\"}", "invalid_body", NULL},
        {LIMIT, "{\"user\":\"a\",\"team\":\"b\",\"parallel\":1}", "invalid_body", "/team"},
        {LIMIT, "{\"key\":true,\"parallel\":1}", "invalid_body", "/key"},
    };
    check_refusals(cases, ARRAY_LEN(cases));
}

static void limits_of_what_there_is(void)
{
    EXPECT(reads(LIMIT, "{\"user\":\"bob\",\"organisation\":\"acme\",\"model\":\"gpt4\","
                        "\"parallel\":null,\"caps\":[{\"usd\":null,\"per\":\"day\"}]}"));
    EXPECT_INT(body->subject.kind, SCOPE_USER);
    EXPECT_SLICE(body->subject.name, "bob");
    EXPECT_SLICE(body->subject.organisation, "acme");
    EXPECT_SLICE(body->subject.model, "gpt4");
    EXPECT_INT(body->change.fields, LIMIT_PARALLEL);
    EXPECT_INT(body->change.limits.caps[0].amount_nd, LIMIT_NONE);
    key_body_release(body);
    EXPECT(reads(LIMIT, "{\"organisation\":\"acme\",\"clear\":true}"));
    EXPECT_INT(body->subject.kind, SCOPE_ORGANISATION);
    EXPECT_SLICE(body->subject.name, "acme");
    EXPECT((body->change.fields & LIMIT_CAPS_ALL) != 0);
    key_body_release(body);
    EXPECT(reads(LIMIT, "{\"key\":17,\"parallel\":3}"));
    EXPECT_SLICE(body->subject.name, "17");
    key_body_release(body);
}

static void keys_are_redacted(void)
{
    struct buf out = BUF_INIT(4096);
    key_api_redact(SLICE("{\"which\":\"sk-sl-abcdEFGH0123456789\",\"b\":\"sk-sl-\"} sk-sl-zz"),
                   &out);
    EXPECT_SLICE(buf_slice(&out), "{\"which\":\"sk-sl-abcd...\",\"b\":\"sk-sl-\"} sk-sl-zz");
    buf_clear(&out);
    key_api_redact(SLICE("{\"which\":\"sk\\u002dsl-abcdEFGH0123456789\"}"), &out);
    EXPECT_INT(out.len, 0);
    /* One that begins within another. */
    key_api_redact(SLICE("sk-sl-vsk-sl-abcdefgh sk-sl-abcdefsk-sl-ABCDEFGH"), &out);
    EXPECT_SLICE(buf_slice(&out), "sk-sl-vsk-sl-abcd... sk-sl-abcd...sk-sl-ABCD...");
    buf_release(&out);
}

static void expect_detail(const char *json, const char *wanted, bool clean)
{
    struct json_doc doc;
    struct buf out = BUF_INIT(4096);
    json_doc_init(&doc);
    EXPECT(json_parse(&doc, slice_from_cstr(json), NULL, &error));
    EXPECT_INT(key_api_detail(&doc, slice_from_cstr(json), &out), clean);
    EXPECT_SLICE(buf_slice(&out), wanted);
    json_doc_release(&doc);
    buf_release(&out);
}

/* What a verifier reads is what was asked for. */
static void details_stay_json(void)
{
    expect_detail("{\"model\":\"a\\/b\\u00e9\",\"caps\":[{\"usd\":1.50}]}",
                  "{\"model\":\"a/b\xc3\xa9\",\"caps\":[{\"usd\":1.50}]}", true);
    expect_detail("{\"model\":\"q\\\"\\\\\"}", "{\"model\":\"q\\\"\\\\\"}", true);
    expect_detail("{\"model\":\"eyJam\",\"x\":\"sk-sl-ab\"}",
                  "{\"model\":\"eyJam\",\"x\":\"sk-sl-ab\"}", true);
    expect_detail("{\"which\":\"sk\\u002dsl-abcdEFGH0123456789\"}", "{\"which\":\"sk-sl-abcd...\"}",
                  false);
    expect_detail("{\"limits\":{\"eyJhbGciOi.eyJzdWIiOi.c2ln\":{}}}",
                  "{\"limits\":{\"eyJ...\":{}}}", false);
    expect_detail("{\n  \"model\": \"a\xe2\x80\xa8"
                  "b \\n\",\n\t\"pace\" : true\n}",
                  "{\"model\":\"a\\u2028b \\n\",\"pace\":true}", true);
    expect_detail("[\"a eyJ0123456789012345678901234567890123456789 b\"]", "[\"a eyJ... b\"]",
                  false);
}

int main(void)
{
    body = memory_array(1, sizeof(*body));
    CHECK(body != NULL);
    TEST(a_whole_order, "a new key is read to the last member");
    TEST(bad_orders, "every mistake has its code and its place");
    TEST(limits_of_what_there_is, "limits of keys, users, teams and organisations");
    TEST(details_stay_json, "what is logged of a change stays JSON, and the same but for secrets");
    TEST(keys_are_redacted, "no secret gets into the audit log");
    memory_free(body);
    return tap_done();
}
