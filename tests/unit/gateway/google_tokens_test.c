/* SPDX-License-Identifier: Apache-2.0 */
/* A provider that wants tokens of a Google service account: fetched beside the calls, kept over a
 * reload, and passed over while there are none. */
#include "tests/unit/gateway/gateway_harness.h"

#include "codec/json_write.h"
#include "tests/unit/gateway/answers.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#define PLAIN                                                                                      \
    "log: { access: false }\n"                                                                     \
    "prices: { unknown: allow }\n"                                                                 \
    "providers:\n"                                                                                 \
    "  a: { preset: openai-compatible, base_url: 'http://127.0.0.1:$PORT/a/v1' }\n"
#define TARGETS                                                                                    \
    "targets:\n"                                                                                   \
    "  other: { provider: a, model: ma }\n"
#define GOOGLE                                                                                     \
    "  v: { preset: vertex, base_url: 'http://127.0.0.1:$PORT/v', service_account: %s }\n" TARGETS \
    "  gem: { provider: v, model: gemini-x }\n"                                                    \
    "routes: { auto: { tasks: { chat: [gem, other] } } }\n"
#define GEMINI_WHOLE                                                                               \
    "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"hello\"}]},"         \
    "\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":3,"                       \
    "\"candidatesTokenCount\":1}}"

static struct client client;
static struct buf request = {.limit = 1u << 20};
static struct buf body = {.limit = 1u << 20};
static char account_file[64];

static void write_account(void)
{
    char *bytes;
    char uri[64];
    struct buf text = BUF_INIT(1u << 16);
    struct json_writer json;
    EVP_PKEY *key = EVP_RSA_gen(2048);
    BIO *bio = BIO_new(BIO_s_mem());
    EXPECT(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
    long length = BIO_get_mem_data(bio, &bytes);
    (void)snprintf(uri, sizeof uri, "http://127.0.0.1:%u/t/token", h.port);
    json_writer_init(&json, &text);
    json_begin_object(&json);
    json_member_string(&json, SLICE("type"), SLICE("service_account"));
    json_member_string(&json, SLICE("private_key"), slice_of(bytes, (size_t)length));
    json_member_string(&json, SLICE("client_email"), SLICE("me@project.iam"));
    json_member_string(&json, SLICE("token_uri"), slice_from_cstr(uri));
    json_end_object(&json);
    (void)snprintf(account_file, sizeof account_file, "/tmp/sluice-token-%ld.json", (long)getpid());
    FILE *file = fopen(account_file, "wb");
    EXPECT(file != NULL && fwrite(text.ptr, 1, text.len, file) == text.len && fclose(file) == 0);
    buf_release(&text);
    BIO_free(bio);
    EVP_PKEY_free(key);
}

/* The same accounts in a new snapshot. */
static void publish(uint64_t generation)
{
    char yaml[2048];
    struct snapshot *before = h.worker->snapshot;
    (void)snprintf(yaml, sizeof yaml, PLAIN GOOGLE, account_file);
    EXPECT(harness_publish(yaml, generation));
    UNTIL(&client, h.worker->snapshot != before);
}

static int ask(const char *text)
{
    harness_heal();
    buf_clear(&request);
    client_close(&client);
    return harness_ask(post_text("/v1/chat/completions", "x-sluice-task: chat\r\n",
                                 slice_from_cstr(text), &request),
                       &client, &body);
}

static bool has_token(void)
{
    struct buf line = BUF_INIT(1024);
    const struct provider *provider = &h.gateway.snapshot->providers[1];
    int64_t now_ns = clock_monotonic(&clock_system);
    bool ok = google_tokens_append(h.gateway.google_tokens, &provider->account, now_ns, &line) &&
              slice_eq(buf_slice(&line), SLICE("Authorization: Bearer ya29.secret\r\n"));
    int64_t later_ns = now_ns + 3600 * NS_PER_S;
    struct buf late = BUF_INIT(1024);
    EXPECT(!google_tokens_append(h.gateway.google_tokens, &provider->account, later_ns, &late));
    buf_release(&late);
    buf_release(&line);
    return ok;
}

static void tells_that_there_is_none(void)
{
    script_set('t', SLICE_EMPTY, AFTER_HANG);
    script_set('a', (struct slice)ANSWER(WHOLE), AFTER_CLOSE);
    script_set('v', (struct slice)ANSWER(GEMINI_WHOLE), AFTER_CLOSE);
    publish(2);
    EXPECT_INT(ask(ASK("gem", "")), 503);
    EXPECT(slice_find_slice(buf_slice(&body), SLICE("credential_unavailable")) != SIZE_MAX);
    EXPECT(!has_token());
    EXPECT_INT(script_of('v')->requests, 0);
}

static void asks_with_a_signed_assertion(void)
{
    UNTIL(&client, script_of('t')->requests == 1);
    struct slice form = buf_slice(&script_of('t')->body);
    EXPECT(slice_starts(form, SLICE("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3A"
                                    "jwt-bearer&assertion=eyJ")));
    struct slice head = slice_from_cstr(script_of('t')->head);
    EXPECT(slice_starts(head, SLICE("POST /t/token HTTP/1.1\r\n")));
    EXPECT(slice_find_slice(head, SLICE("Content-Type: application/x-www-form-urlencoded\r\n")) !=
           SIZE_MAX);
    latest_answers((struct slice)ANSWER("{\"access_token\":\"ya29.secret\",\"expires_in\":3599,"
                                        "\"token_type\":\"Bearer\"}"),
                   AFTER_CLOSE);
    UNTIL(&client, has_token());
}

static void sends_the_token(void)
{
    EXPECT_INT(ask(ASK("gem", "")), 200);
    EXPECT_INT(script_of('v')->requests, 1);
    struct slice head = slice_from_cstr(script_of('v')->head);
    EXPECT(slice_starts(head, SLICE("POST /v/models/gemini-x:generateContent HTTP/1.1\r\n")));
    EXPECT(slice_find_slice(head, SLICE("Authorization: Bearer ya29.secret\r\n")) != SIZE_MAX);
    EXPECT(slice_find_slice(buf_slice(&body), SLICE("hello")) != SIZE_MAX);
}

static void keeps_the_token_over_a_reload(void)
{
    publish(3);
    EXPECT(has_token());
    EXPECT_INT(script_of('t')->requests, 1);
}

static void forgets_accounts_that_are_gone(void)
{
    const struct service_account account = h.gateway.snapshot->providers[1].account;
    struct snapshot *kept = snapshot_ref(h.gateway.snapshot);
    struct buf line = BUF_INIT(1024);
    EXPECT(harness_publish(PLAIN TARGETS, 4));
    EXPECT(!google_tokens_append(h.gateway.google_tokens, &account, clock_monotonic(&clock_system),
                                 &line));
    EXPECT_INT(line.len, 0);
    EXPECT(!google_tokens_append(NULL, &account, 0, &line));
    snapshot_unref(kept);
}

/* What is no token is asked for again, later. */
static void a_refusal_is_no_token(void)
{
    static const struct slice answers[] = {
        STATUS("400 Bad Request", "{\"error\":\"invalid_grant\"}"),
        ANSWER("{\"token_type\":\"Bearer\"}"),
        SLICE_INIT("nonsense"),
    };
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        EXPECT(harness_publish(PLAIN TARGETS, 5 + 2 * i));
        script_set('t', answers[i], AFTER_CLOSE);
        publish(6 + 2 * i);
        UNTIL(&client, script_of('t')->requests == 1);
        for (int n = 0; n < 5; n++) {
            turn(&client);
        }
        EXPECT(!has_token());
    }
}

static void moves_on_without_a_token(void)
{
    int before = script_of('v')->requests;
    EXPECT_INT(ask(ASK("auto", "")), 200);
    EXPECT_INT(script_of('v')->requests, before);
    EXPECT_INT(script_of('a')->requests, 1);
}

int main(void)
{
    struct error error;
    harness_begin(PLAIN TARGETS, false);
    client.fd = -1;
    write_account();
    h.gateway.google_tokens = google_tokens_new(&h.worker->loop, &error);
    CHECK(h.gateway.google_tokens != NULL);
    TEST(tells_that_there_is_none,
         "without a token the only target cannot be asked, and it is told");
    TEST(asks_with_a_signed_assertion, "a token is asked for with a signed assertion");
    TEST(sends_the_token, "the token goes with the request");
    TEST(keeps_the_token_over_a_reload, "a reload keeps it");
    TEST(forgets_accounts_that_are_gone, "an account that is gone is forgotten");
    TEST(a_refusal_is_no_token, "what is no token is none");
    TEST(moves_on_without_a_token, "the next target is asked where there is one");
    client_close(&client);
    google_tokens_close(h.gateway.google_tokens);
    for (int i = 0; i < 5; i++) {
        turn(NULL);
    }
    google_tokens_free(h.gateway.google_tokens);
    unlink(account_file);
    buf_release(&request);
    buf_release(&body);
    harness_end();
    return tap_done();
}
