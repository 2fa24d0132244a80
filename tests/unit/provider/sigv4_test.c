/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures that AWS publishes for its example credentials, at 2015-08-30 12:36:00 UTC. */
#include "provider/sigv4.h"

#include "tests/tap.h"

#define LIMIT 65536
#define TIME_S 1440938160

static const struct sigv4_credentials example = {
    .access_key_id = SLICE_INIT("AKIDEXAMPLE"),
    .secret_access_key = SLICE_INIT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
};

static const struct sigv4_header host = {SLICE_INIT("Host"), SLICE_INIT("example.amazonaws.com")};

struct vector {
    const char *method;
    const char *path;
    const char *query;
    struct sigv4_header more; /* a header beside the host */
    const char *body;
    const char *names;
    const char *signature;
};

static const struct vector vectors[] = {
    {.method = "GET",
     .path = "/",
     .names = "host;x-amz-date",
     .signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {.method = "GET",
     .path = "",
     .names = "host;x-amz-date",
     .signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {.method = "POST",
     .path = "/",
     .names = "host;x-amz-date",
     .signature = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {.method = "GET", /* parameters out of order */
     .path = "/",
     .query = "Param2=value2&Param1=value1",
     .names = "host;x-amz-date",
     .signature = "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {.method = "POST",
     .path = "/",
     .more = {SLICE_INIT("Content-Type"), SLICE_INIT("application/x-www-form-urlencoded")},
     .body = "Param1=value1",
     .names = "content-type;host;x-amz-date",
     .signature = "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
};

static void sign(const struct vector *vector, const struct sigv4_credentials *credentials,
                 struct buf *out)
{
    const struct sigv4_header headers[] = {host, vector->more};
    const struct sigv4_request request = {
        .method = slice_from_cstr(vector->method),
        .path = slice_from_cstr(vector->path),
        .query = slice_from_cstr(vector->query),
        .headers = headers,
        .header_count = vector->more.name.len > 0 ? 2 : 1,
        .body = slice_from_cstr(vector->body),
        .region = SLICE("us-east-1"),
        .service = SLICE("service"),
        .time_s = TIME_S,
    };
    EXPECT(sigv4_sign(credentials, &request, out));
}

static void test_published_signatures(void)
{
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        struct buf out = BUF_INIT(LIMIT);
        struct buf wanted = BUF_INIT(LIMIT);
        sign(&vectors[i], &example, &out);
        buf_printf(&wanted,
                   "X-Amz-Date: 20150830T123600Z\r\nAuthorization: AWS4-HMAC-SHA256 "
                   "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                   "SignedHeaders=%s, Signature=%s\r\n",
                   vectors[i].names, vectors[i].signature);
        buf_append_char(&wanted, '\0');
        EXPECT_SLICE(buf_slice(&out), wanted.ptr);
        buf_release(&out);
        buf_release(&wanted);
    }
}

/* The example of the guide: a list of users. */
static void test_the_guides_example(void)
{
    const struct sigv4_header headers[] = {
        {SLICE_INIT("content-type"),
         SLICE_INIT("application/x-www-form-urlencoded; charset=utf-8")},
        {SLICE_INIT("host"), SLICE_INIT("iam.amazonaws.com")},
    };
    const struct sigv4_request request = {
        .method = SLICE("GET"),
        .path = SLICE("/"),
        .query = SLICE("Action=ListUsers&Version=2010-05-08"),
        .headers = headers,
        .header_count = 2,
        .region = SLICE("us-east-1"),
        .service = SLICE("iam"),
        .time_s = TIME_S,
    };
    struct buf out = BUF_INIT(LIMIT);
    EXPECT(sigv4_sign(&example, &request, &out));
    EXPECT(slice_ends(
        buf_slice(&out),
        SLICE("Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7\r\n")));
    buf_release(&out);
}

static bool same_signature(const struct vector *a, const struct vector *b)
{
    struct buf x = BUF_INIT(LIMIT);
    struct buf y = BUF_INIT(LIMIT);
    sign(a, &example, &x);
    sign(b, &example, &y);
    bool same = slice_eq(buf_slice(&x), buf_slice(&y));
    buf_release(&x);
    buf_release(&y);
    return same;
}

static void test_what_says_the_same_signs_the_same(void)
{
    const struct vector order = {.method = "GET", .path = "/", .query = "b=2&a=1&c"};
    const struct vector sorted = {.method = "GET", .path = "/", .query = "&a=1&b=2&c="};
    const struct vector blanks = {
        .method = "GET", .path = "/", .more = {SLICE_INIT("My-Header"), SLICE_INIT("  a   b ")}};
    const struct vector trimmed = {
        .method = "GET", .path = "/", .more = {SLICE_INIT("my-header"), SLICE_INIT("a b")}};
    const struct vector colon = {.method = "POST", .path = "/model/a:0/converse"};
    const struct vector encoded = {.method = "POST", .path = "/model/a%3A0/converse"};
    EXPECT(same_signature(&order, &sorted));
    EXPECT(same_signature(&blanks, &trimmed));
    EXPECT(!same_signature(&colon, &encoded)); /* each is encoded once more as it stands */
}

static void test_session_token(void)
{
    struct sigv4_credentials credentials = example;
    struct buf out = BUF_INIT(LIMIT);
    credentials.session_token = SLICE("AQoDYXdzEPT//////////wEXAMPLE");
    sign(&vectors[0], &credentials, &out);
    EXPECT(slice_find_slice(buf_slice(&out),
                            SLICE("X-Amz-Security-Token: AQoDYXdzEPT//////////wEXAMPLE\r\n")) !=
           SIZE_MAX);
    EXPECT(slice_find_slice(buf_slice(&out),
                            SLICE("SignedHeaders=host;x-amz-date;x-amz-security-token,")) !=
           SIZE_MAX);
    EXPECT(slice_find_slice(buf_slice(&out), credentials.secret_access_key) == SIZE_MAX);
    buf_release(&out);
}

static void test_what_cannot_be_signed(void)
{
    static char long_text[1024];
    struct sigv4_request request = {.method = SLICE("GET"), .time_s = TIME_S};
    struct sigv4_credentials credentials = {.access_key_id = SLICE("A")};
    struct buf out = BUF_INIT(LIMIT);
    memset(long_text, '&', sizeof long_text);
    EXPECT(!sigv4_sign(&credentials, &request, &out)); /* no secret */
    credentials.secret_access_key = slice_of(long_text, sizeof long_text);
    EXPECT(!sigv4_sign(&credentials, &request, &out));
    request.time_s = INT64_MAX;
    EXPECT(!sigv4_sign(&example, &request, &out));
    request.time_s = TIME_S;
    for (size_t i = 0; i < sizeof long_text; i += 2) {
        long_text[i] = 'x';
    }
    request.query = slice_of(long_text, sizeof long_text);
    EXPECT(!sigv4_sign(&example, &request, &out)); /* 512 parameters */
    request.query = SLICE_EMPTY;
    struct buf small = BUF_INIT(16);
    EXPECT(!sigv4_sign(&example, &request, &small));
    buf_release(&small);
    buf_release(&out);
}

int main(void)
{
    TEST(test_published_signatures, "the published signatures are ours");
    TEST(test_the_guides_example, "the guide's example is signed as it says");
    TEST(test_what_says_the_same_signs_the_same,
         "order of parameters, case of names and blanks do not count");
    TEST(test_session_token, "a session token is sent and signed");
    TEST(test_what_cannot_be_signed, "what cannot be signed is said");
    return tap_done();
}
