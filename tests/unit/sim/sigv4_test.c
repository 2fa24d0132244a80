/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The check of AWS's signatures, with requests that Amazon's own botocore signed.
 */
#include "tests/tap.h"

#include "base/buf.h"
#include "sim/sigv4.h"

#include <stdio.h>

#define NOW 1795323600 /* 2026-11-22T05:00:00Z */
#define BODY "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]}]}"
#define PATH "/model/anthropic.claude-v1%3A0/converse"
#define TYPE "Content-Type: application/json\r\n"
#define DATE "X-Amz-Date: 20261122T050000Z\r\n"
#define SCOPE "/20261122/eu-central-1/bedrock/aws4_request"
#define LASTING "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE"
#define TEMPORARY "Authorization: AWS4-HMAC-SHA256 Credential=ASIAIOSFODNN7EXAMPLE"
#define NAMES ", SignedHeaders=content-type;host;x-amz-date"
#define SUM ", Signature=60178534da6f46675f87a572a3d80b70232134fcc1a562a63f95c15c9b9d296e\r\n"
#define TOKEN "X-Amz-Security-Token: " SIM_AWS_SESSION_TOKEN "\r\n"
#define TOKEN_SUM ", Signature=86a9b0378488c7827fb2abeb0cbd189b432f141e9293896662cef1a1b841815f\r\n"
#define ODD_SUM ", Signature=40e07a6b4f19450263a95890d88893663710fb9d4a8a7471b1d43104a30ce9ea\r\n"

struct claim {
    const char *target;
    const char *fields;
    const char *body;
    int64_t now_s;
    const char *code; /* NULL: accepted */
    const char *text;
};

static void check(const struct claim *claim)
{
    struct buf head = BUF_INIT(8192);
    struct sim_request request;
    struct error error = {0};

    buf_printf(&head, "POST %s HTTP/1.1\r\nHost: unit\r\n%s\r\n", claim->target, claim->fields);
    EXPECT_INT(sim_request_read(buf_slice(&head), &request), SIM_HEAD_DONE);
    bool ok = sim_sigv4_check(&request, slice_from_cstr(claim->body), SLICE("bedrock"),
                              claim->now_s, &error);
    EXPECT(ok == (claim->code == NULL));
    if (claim->code != NULL) {
        EXPECT(error.code != NULL && strcmp(error.code, claim->code) == 0);
        EXPECT(strstr(error.text, claim->text) != NULL);
    }
    if (tap_point_failed) {
        printf("# %s %s: %s\n", claim->target, claim->fields, error.text);
    }
    buf_release(&head);
}

static void check_all(const struct claim *claims, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check(&claims[i]);
    }
}

static void accepts_botocore(void)
{
    static const struct claim claims[] = {
        {PATH, TYPE DATE LASTING SCOPE NAMES SUM, BODY, NOW, NULL, NULL},
        {PATH, TYPE DATE LASTING SCOPE NAMES SUM, BODY, NOW + 299, NULL, NULL},
        {PATH, TYPE DATE LASTING SCOPE NAMES SUM, BODY, NOW - 299, NULL, NULL},
        {PATH, TYPE DATE TOKEN TEMPORARY SCOPE NAMES ";x-amz-security-token" TOKEN_SUM, BODY, NOW,
         NULL, NULL},
        {PATH "?b=2&a=1&c",
         TYPE DATE "x-amz-odd:   two   blanks \r\n" LASTING SCOPE NAMES ";x-amz-odd" ODD_SUM, BODY,
         NOW, NULL, NULL},
    };

    check_all(claims, ARRAY_LEN(claims));
}

static void refuses_what_was_changed(void)
{
    static const char changed[] = "does not match the signature";
    static const struct claim claims[] = {
        {PATH, TYPE DATE LASTING SCOPE NAMES SUM, BODY " ", NOW, "InvalidSignatureException",
         changed},
        {PATH "-stream", TYPE DATE LASTING SCOPE NAMES SUM, BODY, NOW, "InvalidSignatureException",
         changed},
        {"/model/anthropic.claude-v1:0/converse", TYPE DATE LASTING SCOPE NAMES SUM, BODY, NOW,
         "InvalidSignatureException", changed},
        {PATH "?a=1", TYPE DATE LASTING SCOPE NAMES SUM, BODY, NOW, "InvalidSignatureException",
         changed},
        {PATH, "Content-Type: text/plain\r\n" DATE LASTING SCOPE NAMES SUM, BODY, NOW,
         "InvalidSignatureException", changed},
        {PATH, DATE LASTING SCOPE NAMES SUM, BODY, NOW, "InvalidSignatureException", changed},
        {PATH, TYPE DATE LASTING "/20261122/us-east-1/bedrock/aws4_request" NAMES SUM, BODY, NOW,
         "InvalidSignatureException", changed},
    };

    check_all(claims, ARRAY_LEN(claims));
}

static void refuses_claims(void)
{
    static const struct claim claims[] = {
        {PATH, TYPE DATE TEMPORARY SCOPE NAMES SUM, BODY, NOW, "UnrecognizedClientException",
         "security token"},
        {PATH, TYPE DATE TOKEN LASTING SCOPE NAMES ";x-amz-security-token" SUM, BODY, NOW,
         "UnrecognizedClientException", "security token"},
        {PATH, TYPE DATE "Authorization: AWS4-HMAC-SHA256 Credential=AKIAOTHER" SCOPE NAMES SUM,
         BODY, NOW, "UnrecognizedClientException", "security token"},
        {PATH, TYPE DATE LASTING "/20261122/eu-central-1/s3/aws4_request" NAMES SUM, BODY, NOW,
         "InvalidSignatureException", "correct service: 'bedrock'"},
        {PATH, TYPE DATE LASTING "/20261122/eu-central-1/bedrock/aws4" NAMES SUM, BODY, NOW,
         "InvalidSignatureException", "aws4_request"},
        {PATH, TYPE DATE LASTING "/20261121/eu-central-1/bedrock/aws4_request" NAMES SUM, BODY, NOW,
         "InvalidSignatureException", "Date in Credential scope"},
        {PATH, TYPE DATE LASTING SCOPE ", SignedHeaders=content-type;x-amz-date" SUM, BODY, NOW,
         "InvalidSignatureException", "'Host'"},
        {PATH, TYPE DATE "x-amz-odd: 1\r\n" LASTING SCOPE NAMES SUM, BODY, NOW,
         "InvalidSignatureException", "'x-amz-odd' must be"},
        {PATH, TYPE DATE LASTING SCOPE ", SignedHeaders=host;content-type;x-amz-date" SUM, BODY,
         NOW, "InvalidSignatureException", "order"},
        {PATH, TYPE DATE LASTING SCOPE NAMES SUM, BODY, NOW + 301, "InvalidSignatureException",
         "expired"},
        {PATH, TYPE DATE LASTING SCOPE NAMES SUM, BODY, NOW - 301, "InvalidSignatureException",
         "not yet current"},
        {PATH, TYPE LASTING SCOPE NAMES SUM, BODY, NOW, "IncompleteSignatureException",
         "X-Amz-Date"},
        {PATH, TYPE DATE LASTING SCOPE NAMES "\r\n", BODY, NOW, "IncompleteSignatureException",
         "'Signature'"},
        {PATH, TYPE "X-Amz-Date: 20261122050000Z\r\n" LASTING SCOPE NAMES SUM, BODY, NOW,
         "IncompleteSignatureException", "ISO-8601"},
        {PATH, TYPE "X-Amz-Date: 20261122T050060\r\n" LASTING SCOPE NAMES SUM, BODY, NOW,
         "IncompleteSignatureException", "ISO-8601"},
    };

    check_all(claims, ARRAY_LEN(claims));
}

int main(void)
{
    TEST(accepts_botocore, "what botocore signed is accepted");
    TEST(refuses_what_was_changed, "a request that was changed after it was signed is refused");
    TEST(refuses_claims, "claims of other keys, scopes, headers and times are refused");
    return tap_done();
}
