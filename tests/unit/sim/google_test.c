/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated Google: an account, assertions that are signed with its key, tokens and their end.
 */
#include "tests/unit/sim/asking.h"

#include "sim/google.h"

#define NOW 1795323600
#define HOST SLICE("127.0.0.1:9")
#define GRANT "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion="
#define HEAD "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"sim-key-1\"}"
#define EMAIL "sim@sim-project.iam.gserviceaccount.com"
#define SCOPE "https://www.googleapis.com/auth/cloud-platform"
#define CLAIMS(email, aud, scope, iat, exp)                                                        \
    "{\"iss\":\"" email "\",\"aud\":\"" aud "\",\"scope\":\"" scope "\",\"iat\":" #iat             \
    ",\"exp\":" #exp "}"
#define URI "http://127.0.0.1:9/token"

static struct sim_google google = {.seed = 7};

static void append_base64url(struct buf *out, const unsigned char *bytes, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t i = 0; i < len; i += 3) {
        unsigned group = (unsigned)bytes[i] << 16;
        group |= i + 1 < len ? (unsigned)bytes[i + 1] << 8 : 0;
        group |= i + 2 < len ? bytes[i + 2] : 0;
        size_t count = len - i >= 3 ? 4 : len - i + 1;
        for (size_t j = 0; j < count; j++) {
            buf_append_char(out, digits[group >> (18 - 6 * j) & 63]);
        }
    }
}

/* The form with an assertion of these claims. */
static void write_form(EVP_PKEY *key, const char *claims, struct buf *form)
{
    unsigned char signature[512];
    size_t len = sizeof signature;
    struct buf text = BUF_INIT(8192);
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    append_base64url(&text, (const unsigned char *)HEAD, sizeof(HEAD) - 1);
    buf_append_char(&text, '.');
    append_base64url(&text, (const unsigned char *)claims, strlen(claims));
    EXPECT(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1);
    EXPECT(EVP_DigestSign(context, signature, &len, (const unsigned char *)text.ptr, text.len) ==
           1);
    buf_append_cstr(form, GRANT);
    buf_append(form, buf_slice(&text));
    buf_append_char(form, '.');
    append_base64url(form, signature, len);
    EVP_MD_CTX_free(context);
    buf_release(&text);
}

static void takes_and_refuses_assertions(void)
{
    static const struct {
        const char *claims;
        const char *code; /* NULL: a token is given */
    } rows[] = {
        {CLAIMS(EMAIL, URI, SCOPE, 1795323600, 1795327200), NULL},
        {CLAIMS(EMAIL, "https://oauth2.googleapis.com/token", SCOPE, 1795323600, 1795323700), NULL},
        {CLAIMS("x@example.com", URI, SCOPE, 1795323600, 1795327200), "invalid_grant"},
        {CLAIMS(EMAIL, "http://127.0.0.1:8/token", SCOPE, 1795323600, 1795327200), "invalid_grant"},
        {CLAIMS(EMAIL, URI, "openid", 1795323600, 1795327200), "invalid_scope"},
        {CLAIMS(EMAIL, URI, SCOPE, 1795323600, 1795327201), "invalid_grant"},
        {CLAIMS(EMAIL, URI, SCOPE, 1795323661, 1795327200), "invalid_grant"},
        {CLAIMS(EMAIL, URI, SCOPE, 1795320000, 1795323599), "invalid_grant"},
    };
    EVP_PKEY *other = EVP_RSA_gen(2048);
    for (size_t i = 0; i <= ARRAY_LEN(rows); i++) {
        bool foreign = i == ARRAY_LEN(rows);
        struct buf form = BUF_INIT(16384);
        struct buf out = BUF_INIT(8192);
        struct error error = {0};
        const char *code = foreign ? "invalid_grant" : rows[i].code;
        write_form(foreign ? other : google.key, rows[foreign ? 0 : i].claims, &form);
        bool ok = sim_google_token(&google, buf_slice(&form), HOST, NOW, &out, &error);
        EXPECT(ok == (code == NULL));
        EXPECT(ok || strcmp(error.code, code) == 0);
        EXPECT(!ok || slice_starts(buf_slice(&out), SLICE("{\"access_token\":\"ya29.sim-")));
        buf_release(&form);
        buf_release(&out);
    }
    EVP_PKEY_free(other);
}

static void refuses_forms(void)
{
    static const char *const forms[] = {"", "grant_type=password", GRANT, GRANT "a.b.c",
                                        GRANT "!!.b.c"};
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct buf out = BUF_INIT(8192);
        struct error error = {0};
        EXPECT(!sim_google_token(&google, slice_from_cstr(forms[i]), HOST, NOW, &out, &error));
        EXPECT(strcmp(error.code, i < 2 ? "unsupported_grant_type" : "invalid_grant") == 0);
        buf_release(&out);
    }
}

static void lets_in_until_the_end(void)
{
    struct buf form = BUF_INIT(16384);
    struct buf out = BUF_INIT(8192);
    struct error error = {0};
    const struct sim_google elsewhere = {.seed = 8};
    write_form(google.key, CLAIMS(EMAIL, URI, SCOPE, 1795323600, 1795327200), &form);
    EXPECT(sim_google_token(&google, buf_slice(&form), HOST, NOW, &out, &error));
    struct slice rest = slice_from(buf_slice(&out), sizeof("{\"access_token\":\"") - 1);
    struct slice token = slice_cut(&rest, '"');
    EXPECT(sim_google_lets_in(&google, token, NOW));
    EXPECT(sim_google_lets_in(&google, token, NOW + SIM_GOOGLE_TOKEN_S - 1));
    EXPECT(!sim_google_lets_in(&google, token, NOW + SIM_GOOGLE_TOKEN_S));
    EXPECT(!sim_google_lets_in(&elsewhere, token, NOW));
    EXPECT(!sim_google_lets_in(&google, slice_of(token.ptr, token.len - 1), NOW));
    EXPECT(!sim_google_lets_in(&google, SLICE("ya29.sim-"), NOW));
    EXPECT(!sim_google_lets_in(&google, SLICE_EMPTY, NOW));
    buf_release(&form);
    buf_release(&out);
}

int main(void)
{
    struct buf account = BUF_INIT(8192);
    EXPECT(sim_google_account(&google, HOST, &account));
    EXPECT(slice_find_slice(buf_slice(&account), SLICE("\"token_uri\":\"" URI "\"")) != SIZE_MAX);
    buf_release(&account);
    TEST(takes_and_refuses_assertions, "sound assertions get tokens, all others the reason");
    TEST(refuses_forms, "forms that are none are refused");
    TEST(lets_in_until_the_end, "tokens are good where they were given, until they end");
    sim_google_release(&google);
    return tap_done();
}
