/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/service_account.h"

#include "codec/json.h"
#include "codec/json_write.h"
#include "tests/tap.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#define LIMIT ((size_t)1 << 20)
#define TOKEN_URI "https://oauth2.googleapis.com/token"

static EVP_PKEY *rsa;

/* A key of the test's own, in PEM. */
static void append_pem(EVP_PKEY *key, struct buf *out)
{
    char *bytes;
    BIO *bio = BIO_new(BIO_s_mem());
    EXPECT(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
    long length = BIO_get_mem_data(bio, &bytes);
    buf_append(out, slice_of(bytes, (size_t)length));
    BIO_free(bio);
}

struct file {
    const char *type;
    const char *email;
    const char *uri;
    EVP_PKEY *key;
};

static void write_file(const struct file *file, struct buf *out)
{
    struct buf pem = BUF_INIT(LIMIT);
    struct json_writer json;
    if (file->key != NULL) {
        append_pem(file->key, &pem);
    } else {
        buf_append(&pem, SLICE("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"));
    }
    json_writer_init(&json, out);
    json_begin_object(&json);
    json_member_string(&json, SLICE("type"), slice_from_cstr(file->type));
    json_member_string(&json, SLICE("project_id"), SLICE("my-project"));
    json_member_string(&json, SLICE("private_key_id"), SLICE("0123abcd"));
    json_member_string(&json, SLICE("private_key"), buf_slice(&pem));
    json_member_string(&json, SLICE("client_email"), slice_from_cstr(file->email));
    json_member_string(&json, SLICE("token_uri"), slice_from_cstr(file->uri));
    json_end_object(&json);
    buf_release(&pem);
}

static const char *read_file(const struct file *file, struct arena *arena,
                             struct service_account *account)
{
    static struct error error;
    struct buf text = BUF_INIT(LIMIT);
    error_clear(&error);
    write_file(file, &text);
    bool ok = service_account_read(buf_slice(&text), arena, account, &error);
    memset(text.ptr, 'x', text.len);
    buf_release(&text);
    return ok ? "" : error.text;
}

static void test_reads_the_key_file(void)
{
    const struct file file = {"service_account", "me@my-project.iam", TOKEN_URI, rsa};
    struct service_account account;
    struct arena arena;
    arena_init(&arena, LIMIT);
    EXPECT_SLICE(slice_from_cstr(read_file(&file, &arena, &account)), "");
    EXPECT_SLICE(account.email, "me@my-project.iam");
    EXPECT_SLICE(account.project, "my-project");
    EXPECT_SLICE(account.key_id, "0123abcd");
    EXPECT_SLICE(account.token_uri, TOKEN_URI);
    EXPECT(account.token_url.https);
    EXPECT(slice_starts(account.key, SLICE("-----BEGIN PRIVATE KEY-----\n")));
    arena_release(&arena);
}

static void test_refuses_other_files(void)
{
    EVP_PKEY *curve = EVP_EC_gen("P-256");
    const struct {
        struct file file;
        const char *text;
    } cases[] = {
        {{"authorized_user", "a", TOKEN_URI, rsa}, "The file's type is not service_account."},
        {{"service_account", "", TOKEN_URI, rsa}, "The file has no client_email."},
        {{"service_account", "a", "nonsense", rsa}, "The file's token_uri is no URL."},
        {{"service_account", "a", "", rsa}, "The file's token_uri is no URL."},
        {{"service_account", "a", "http://example.com/t", rsa},
         "The file's token_uri must be https."},
        {{"service_account", "a", TOKEN_URI, NULL}, "The file's private_key is no RSA key in PEM."},
        {{"service_account", "a", TOKEN_URI, curve},
         "The file's private_key is no RSA key in PEM."},
        {{"service_account", "a", "http://127.0.0.1:1/t", rsa}, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct service_account account;
        struct arena arena;
        arena_init(&arena, LIMIT);
        EXPECT_SLICE(slice_from_cstr(read_file(&cases[i].file, &arena, &account)), cases[i].text);
        arena_release(&arena);
    }
    EVP_PKEY_free(curve);
}

static void test_refuses_what_is_no_file(void)
{
    static const char *const texts[] = {"", "[]", "{", "{\"type\":7}", "{}"};
    struct service_account account;
    struct error error;
    struct arena arena;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        arena_init(&arena, LIMIT);
        EXPECT(!service_account_read(slice_from_cstr(texts[i]), &arena, &account, &error));
        EXPECT_SLICE(slice_from_cstr(error.code), "invalid_service_account");
        arena_release(&arena);
    }
    arena_init(&arena, 16);
    EXPECT(!service_account_read(SLICE("{\"type\":\"service_account_of_some_length\"}"), &arena,
                                 &account, &error));
    EXPECT_SLICE(slice_from_cstr(error.text), "The file is too large.");
    arena_release(&arena);
}

static void decode(struct slice text, struct buf *out)
{
    unsigned bits = 0;
    int count = 0;
    for (size_t i = 0; i < text.len; i++) {
        static const char digits[] =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        const char *digit = strchr(digits, text.ptr[i]);
        EXPECT(digit != NULL);
        bits = bits << 6 | (unsigned)(digit - digits);
        count += 6;
        if (count >= 8) {
            count -= 8;
            buf_append_char(out, (char)(bits >> count & 0xFF));
        }
    }
}

static bool verify(struct slice text, struct slice signature)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, rsa) == 1 &&
              EVP_DigestVerify(context, (const unsigned char *)signature.ptr, signature.len,
                               (const unsigned char *)text.ptr, text.len) == 1;
    EVP_MD_CTX_free(context);
    return ok;
}

static void test_the_assertion_is_signed(void)
{
    const struct file file = {"service_account", "me@my-project.iam", TOKEN_URI, rsa};
    const struct slice prefix =
        SLICE("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=");
    struct service_account account;
    struct arena arena;
    struct buf form = BUF_INIT(LIMIT);
    struct buf plain = BUF_INIT(LIMIT);
    arena_init(&arena, LIMIT);
    EXPECT_SLICE(slice_from_cstr(read_file(&file, &arena, &account)), "");
    EXPECT(service_account_write_request(&account, 1700000000, &form));
    EXPECT(slice_starts(buf_slice(&form), prefix));
    struct slice whole = slice_from(buf_slice(&form), prefix.len);
    struct slice rest = whole;
    struct slice header = slice_cut(&rest, '.');
    struct slice claims = slice_cut(&rest, '.');
    decode(header, &plain);
    EXPECT_SLICE(buf_slice(&plain), "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"0123abcd\"}");
    buf_clear(&plain);
    decode(claims, &plain);
    EXPECT_SLICE(buf_slice(&plain), "{\"iss\":\"me@my-project.iam\",\"scope\":\"https://www."
                                    "googleapis.com/auth/cloud-platform\",\"aud\":\"" TOKEN_URI
                                    "\",\"iat\":1700000000,\"exp\":1700003600}");
    buf_clear(&plain);
    decode(rest, &plain);
    EXPECT(verify(slice_of(whole.ptr, header.len + 1 + claims.len), buf_slice(&plain)));
    struct buf small = BUF_INIT(100);
    EXPECT(!service_account_write_request(&account, 1700000000, &small));
    account.key = SLICE("no key");
    account.key_id = SLICE_EMPTY;
    buf_clear(&form);
    EXPECT(!service_account_write_request(&account, 1700000000, &form));
    buf_release(&small);
    buf_release(&form);
    buf_release(&plain);
    arena_release(&arena);
}

static void expect_token(const char *body, const char *token, int64_t seconds)
{
    struct service_token read;
    struct arena arena;
    arena_init(&arena, LIMIT);
    bool ok = service_account_read_token(slice_from_cstr(body), &arena, &read);
    EXPECT(ok == (token != NULL));
    if (ok && token != NULL) {
        EXPECT_SLICE(read.token, token);
        EXPECT_INT(read.expires_in_s, seconds);
    }
    arena_release(&arena);
}

static void test_reads_the_token(void)
{
    expect_token("{\"access_token\":\"ya29.x\",\"expires_in\":3599,\"token_type\":\"Bearer\"}",
                 "ya29.x", 3599);
    expect_token("{\"access_token\":\"a\\/b\",\"expires_in\":999999999}", "a/b", 86400);
    expect_token("{\"access_token\":\"a\\r\\nEvil: 1\",\"expires_in\":60}", NULL, 0);
    expect_token("{\"access_token\":\"a\",\"expires_in\":0}", NULL, 0);
    expect_token("{\"access_token\":\"a\"}", NULL, 0);
    expect_token("{\"access_token\":7,\"expires_in\":60}", NULL, 0);
    expect_token("{\"error\":\"invalid_grant\"}", NULL, 0);
    expect_token("[]", NULL, 0);
    expect_token("<html>", NULL, 0);
}

int main(void)
{
    rsa = EVP_RSA_gen(2048);
    TEST(test_reads_the_key_file, "the key file is read");
    TEST(test_refuses_other_files, "keys and addresses that cannot serve are refused by name");
    TEST(test_refuses_what_is_no_file, "what is no key file is refused");
    TEST(test_the_assertion_is_signed, "the assertion says who asks for what, and is signed");
    TEST(test_reads_the_token, "a token is read, and nothing that could not be a header");
    EVP_PKEY_free(rsa);
    return tap_done();
}
