/* SPDX-License-Identifier: Apache-2.0 */
/* Service accounts from files are made with a key of the test's own. */
#include "tests/unit/config/config_testing.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <unistd.h>

#include "codec/json_write.h"

#define ONE_TARGET                                                                                 \
    "targets: { m: { provider: vertex, model: gemini-x } }\nprices: { unknown: allow }\n"

static char account_file[64];

static void write_account(void)
{
    char *bytes;
    struct buf text = BUF_INIT(1u << 16);
    struct json_writer json;
    EVP_PKEY *key = EVP_RSA_gen(2048);
    BIO *bio = BIO_new(BIO_s_mem());
    EXPECT(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
    long length = BIO_get_mem_data(bio, &bytes);
    json_writer_init(&json, &text);
    json_begin_object(&json);
    json_member_string(&json, SLICE("type"), SLICE("service_account"));
    json_member_string(&json, SLICE("project_id"), SLICE("own-project"));
    json_member_string(&json, SLICE("private_key"), slice_of(bytes, (size_t)length));
    json_member_string(&json, SLICE("client_email"), SLICE("me@own-project.iam"));
    json_member_string(&json, SLICE("token_uri"), SLICE("https://oauth2.googleapis.com/token"));
    json_end_object(&json);
    (void)snprintf(account_file, sizeof account_file, "/tmp/sluice-account-%ld.json",
                   (long)getpid());
    FILE *file = fopen(account_file, "wb");
    EXPECT(file != NULL && fwrite(text.ptr, 1, text.len, file) == text.len && fclose(file) == 0);
    buf_release(&text);
    BIO_free(bio);
    EVP_PKEY_free(key);
}

static const struct provider *load(struct loading *loading, const char *text,
                                   const char *const *environment)
{
    static const struct provider none;
    loading_begin(loading, slice_from_cstr(text), TESTING_FILE, environment);
    if (loading->snapshot == NULL) {
        printf("# %.*s\n", SLICE_ARG(loading_text(loading)));
    }
    EXPECT(loading->snapshot != NULL);
    return loading->snapshot == NULL ? &none : &loading->snapshot->providers[0];
}

static bool says(struct loading *loading, const char *words)
{
    return slice_find_slice(loading_text(loading), slice_from_cstr(words)) != SIZE_MAX;
}

static void refuses(const char *text, const char *const *environment, const char *words)
{
    struct loading loading;
    loading_begin(&loading, slice_from_cstr(text), TESTING_FILE, environment);
    if (loading.snapshot != NULL || !says(&loading, words)) {
        printf("# %s\n# %.*s\n", text, SLICE_ARG(loading_text(&loading)));
        EXPECT(false);
    }
    loading_end(&loading);
}

static void vertex_is_made_of_project_and_location(void)
{
    char text[512];
    char variable[128];
    const char *environment[] = {variable, NULL};
    const struct {
        const char *more;
        const char *url;
    } rows[] = {
        {"", "https://aiplatform.googleapis.com/v1/projects/own-project/locations/global"
             "/publishers/google"},
        {"location: europe-west4, project: p-1",
         "https://europe-west4-aiplatform.googleapis.com/v1/projects/p-1/locations/europe-west4"
         "/publishers/google"},
    };
    (void)snprintf(variable, sizeof variable, "GOOGLE_APPLICATION_CREDENTIALS=%s", account_file);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct loading loading;
        (void)snprintf(text, sizeof text, "providers: { vertex: { %s } }\n" ONE_TARGET,
                       rows[i].more);
        const struct provider *provider = load(&loading, text, environment);
        EXPECT_SLICE(provider->base_url, rows[i].url);
        EXPECT(provider->has_credential && provider->auth == AUTH_GOOGLE_SERVICE_ACCOUNT);
        EXPECT_SLICE(provider->account.email, "me@own-project.iam");
        EXPECT_SLICE(provider->headers, "");
        loading_end(&loading);
    }
}

static void a_service_account_from_the_file(void)
{
    char text[512];
    struct loading loading;
    (void)snprintf(
        text, sizeof text,
        "providers: { vertex: { service_account: %s, base_url: http://127.0.0.1:9 } }\n" ONE_TARGET,
        account_file);
    const struct provider *provider = load(&loading, text, NULL);
    EXPECT_SLICE(provider->base_url, "http://127.0.0.1:9");
    EXPECT_SLICE(provider->account.email, "me@own-project.iam");
    loading_end(&loading);
}

static void the_environments_account_goes_to_the_vendor_only(void)
{
    static const char *const environment[] = {"GOOGLE_APPLICATION_CREDENTIALS=/nonexistent", NULL};
    struct loading loading;
    const struct provider *provider =
        load(&loading, "providers: { vertex: { base_url: http://127.0.0.1:9 } }\n" ONE_TARGET,
             environment);
    EXPECT(!provider->has_credential && provider->account.email.len == 0);
    EXPECT(says(&loading, "no_credential"));
    loading_end(&loading);
    refuses("providers: { vertex: { project: p } }\n" ONE_TARGET, environment,
            "cannot read the service account /nonexistent");
}

static void a_plain_token_takes_the_place_of_the_account(void)
{
    struct loading loading;
    const struct provider *provider =
        load(&loading, "providers: { vertex: { project: p, api_key: t } }\n" ONE_TARGET, NULL);
    EXPECT_SLICE(provider->headers, "Authorization: Bearer t\r\n");
    EXPECT_INT(provider->auth, AUTH_BEARER);
    EXPECT(provider->has_credential);
    loading_end(&loading);
}

static void refuses_what_cannot_be_meant(void)
{
    refuses("providers: { vertex: { location: \"a/b\", project: p } }\n" ONE_TARGET, NULL,
            "a region or location is written in small letters");
    refuses("providers: { vertex: { location: global } }\n" ONE_TARGET, NULL,
            "this provider needs a project");
    refuses("providers: { vertex: { project: \"P/../x\" } }\n" ONE_TARGET, NULL,
            "this provider needs a project");
    refuses("providers: { vertex: { project: p, region: us-east-1 } }\n" ONE_TARGET, NULL,
            "this provider's preset has no use for it");
    refuses("providers: { openai: { access_key_id: A, api_key: k } }\n", NULL,
            "this provider's preset has no use for it");
    refuses("providers: { vertex: { project: p, service_account: /dev/null } }\n" ONE_TARGET, NULL,
            "The file is not the JSON key of a service account.");
}

#define BEDROCK_TARGET                                                                             \
    "targets: { m: { provider: bedrock, model: x } }\nprices: { unknown: allow }\n"

static void bedrock_takes_the_environment(void)
{
    static const char *const environment[] = {"AWS_ACCESS_KEY_ID=AKID", "AWS_SECRET_ACCESS_KEY=s1",
                                              "AWS_SESSION_TOKEN=t1", "AWS_REGION=eu-west-1", NULL};
    struct loading loading;
    const struct provider *provider =
        load(&loading, "providers: { bedrock: {} }\n" BEDROCK_TARGET, environment);
    EXPECT_SLICE(provider->base_url, "https://bedrock-runtime.eu-west-1.amazonaws.com");
    EXPECT_SLICE(provider->aws.access_key_id, "AKID");
    EXPECT_SLICE(provider->aws.secret_access_key, "s1");
    EXPECT_SLICE(provider->aws.session_token, "t1");
    EXPECT(provider->auth == AUTH_AWS_SIGV4 && provider->has_credential);
    EXPECT_SLICE(provider->headers, "");
    loading_end(&loading);
    provider =
        load(&loading, "providers: { bedrock: { base_url: http://127.0.0.1:9 } }\n" BEDROCK_TARGET,
             environment);
    EXPECT(!provider->has_credential && provider->aws.secret_access_key.len == 0);
    loading_end(&loading);
    provider = load(&loading,
                    "providers: { bedrock: { region: us-east-1, access_key_id: A, "
                    "secret_access_key: B } }\n" BEDROCK_TARGET,
                    environment);
    EXPECT_SLICE(provider->base_url, "https://bedrock-runtime.us-east-1.amazonaws.com");
    EXPECT_SLICE(provider->aws.secret_access_key, "B");
    EXPECT_SLICE(provider->aws.session_token, ""); /* the environment's is of other credentials */
    loading_end(&loading);
}

static void bedrock_refuses_what_cannot_be_meant(void)
{
    static const char *const half[] = {"AWS_ACCESS_KEY_ID=AKID", NULL};
    refuses("providers: { bedrock: {} }\n" BEDROCK_TARGET, NULL, "this provider needs a region");
    refuses("providers: { bedrock: { region: x } }\n" BEDROCK_TARGET, half,
            "only one of access_key_id and secret_access_key is given");
    refuses("providers: { bedrock: { region: 'x/y' } }\n" BEDROCK_TARGET, NULL,
            "a region or location is written in small letters");
    refuses("providers: { bedrock: { region: x, access_key_id: 'A B', secret_access_key: c } "
            "}\n" BEDROCK_TARGET,
            NULL, "visible ASCII characters");
    refuses("providers: { bedrock: { region: x, project: p } }\n" BEDROCK_TARGET, NULL,
            "this provider's preset has no use for it");
}

/* A secret in a file with an error is not shown. */
static void secrets_are_not_shown(void)
{
    struct loading loading;
    loading_begin(&loading,
                  SLICE("providers:\n  vertex: { project: p, secret_access_key: Hush1234, "
                        "session_token: Hush5678, nonsense: 1 }\n" ONE_TARGET),
                  TESTING_FILE, NULL);
    EXPECT(loading.snapshot == NULL);
    EXPECT(!says(&loading, "Hush1234") && !says(&loading, "Hush5678"));
    loading_end(&loading);
}

#define AZURE(more)                                                                                \
    "providers: { azure: { base_url: https://r.openai.azure.com/openai, api_key: k" more " } }\n"  \
    "targets: { m: { provider: azure, model: d } }\nprices: { unknown: allow }\n"

static void takes_the_version_of_azures_older_api(void)
{
    static const char *const wrong[] = {
        AZURE(", api_version: \"2024 10\""),
        AZURE(", api_version: \"a&b=c\""),
        "providers: { openai: { api_key: k, api_version: v1 } }\n",
    };
    struct loading loading;
    EXPECT_SLICE(load(&loading, AZURE(", api_version: 2024-10-21"), NULL)->api_version,
                 "2024-10-21");
    loading_end(&loading);
    EXPECT_SLICE(load(&loading, AZURE(""), NULL)->api_version, "");
    loading_end(&loading);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        loading_begin(&loading, slice_from_cstr(wrong[i]), TESTING_FILE, NULL);
        EXPECT(loading.snapshot == NULL);
        EXPECT(says(&loading, i < 2 ? "no version of an API" : "it is for Azure"));
        loading_end(&loading);
    }
}

int main(void)
{
    write_account();
    TEST(vertex_is_made_of_project_and_location, "Vertex is found by project and location");
    TEST(a_service_account_from_the_file, "a service account stands in the file");
    TEST(the_environments_account_goes_to_the_vendor_only,
         "the environment's account goes to the vendor only");
    TEST(a_plain_token_takes_the_place_of_the_account, "an api_key goes as a bearer token");
    TEST(refuses_what_cannot_be_meant, "what cannot be meant is refused with its place");
    TEST(bedrock_takes_the_environment, "Bedrock takes region and keys, all of one place");
    TEST(bedrock_refuses_what_cannot_be_meant, "... and refuses what cannot be meant");
    TEST(secrets_are_not_shown, "secrets are not shown");
    unlink(account_file);
    TEST(takes_the_version_of_azures_older_api, "Azure's older API is named by its version");
    return tap_done();
}
