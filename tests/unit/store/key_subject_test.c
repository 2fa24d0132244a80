/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of those who come with a token. */
#include "store/key_subject.h"

#include "store/token_revoke.h"
#include "tests/unit/store/ledger_testing.h"

#define NOW 1795219200

static struct error error;
static struct subject subject;
static bool made;

static struct key_set *load(void)
{
    struct key_set *set = key_set_load(ledger_path, &error);
    CHECK(set != NULL);
    return set;
}

static struct subject_order order_of(const char *name, const char *user, const char *team,
                                     const char *organisation)
{
    return (struct subject_order){
        .issuer = SLICE("https://id.example"),
        .subject = slice_from_cstr(name),
        .scopes = {[SCOPE_USER] = slice_from_cstr(user),
                   [SCOPE_TEAM] = slice_from_cstr(team),
                   [SCOPE_ORGANISATION] = slice_from_cstr(organisation)},
    };
}

static bool obtain(const char *name, const char *user, const char *team, const char *organisation)
{
    const struct subject_order order = order_of(name, user, team, organisation);
    error_clear(&error);
    return key_subject_obtain(ledger_path, &order, &tester, &subject, &made, &error);
}

static void made_once(void)
{
    begin();
    EXPECT(obtain("ann", "ann@x", "red", "acme") && made);
    const struct subject first = subject;
    EXPECT(first.scopes[SCOPE_KEY] > 0 && first.scopes[SCOPE_ORGANISATION] > 0);
    EXPECT(obtain("ann", "ann@x", "red", "acme") && !made);
    EXPECT(memcmp(&first, &subject, sizeof(first)) == 0);
    EXPECT_INT(ask("SELECT count(*) FROM audit WHERE action = 'key.subject'"), 1);
    EXPECT(obtain("ann", "ann@x", "blue", "acme") && made); /* a team that is new */
    EXPECT_INT(subject.scopes[SCOPE_KEY], first.scopes[SCOPE_KEY]);
    EXPECT(subject.scopes[SCOPE_TEAM] != first.scopes[SCOPE_TEAM]);
    EXPECT_INT(ask("SELECT count(*) FROM keys"), 1);
    EXPECT_INT(ask("SELECT count(*) FROM audit WHERE action = 'key.scopes'"), 1);
    end();
}

static void found_in_the_set(void)
{
    struct subject found;
    begin();
    const struct subject_order order = order_of("ann", "", "red", "acme");
    struct subject_order other = order;
    struct key_set *set = load();
    EXPECT(key_set_subject(set, &order) == NULL);
    EXPECT(!key_set_subject_scopes(set, &order, &found));
    key_set_unref(set);
    EXPECT(obtain("ann", "", "red", "acme"));
    set = load();
    const struct key *key = key_set_subject(set, &order);
    EXPECT(key != NULL && key_is_subject(key) && key->role == KEY_CLIENT);
    EXPECT_SLICE(slice_from_cstr(key->name), "jwt:ann");
    EXPECT(key_set_subject_scopes(set, &order, &found));
    EXPECT(memcmp(&found, &subject, sizeof(found)) == 0);
    other.issuer = SLICE("https://id.example/");
    EXPECT(key_set_subject(set, &other) == NULL);
    other = order_of("ann", "", "blue", "acme");
    EXPECT(!key_set_subject_scopes(set, &other, &found));
    other = order_of("ann", "", "red", ""); /* a team of none is another one */
    EXPECT(!key_set_subject_scopes(set, &other, &found));
    other = order_of("ann", "", "", "");
    EXPECT(key_set_subject_scopes(set, &other, &found) && found.scopes[SCOPE_TEAM] == 0);
    key_set_unref(set);
    end();
}

static const char *name_of(uint64_t id)
{
    static char name[KEY_NAME_SIZE];
    struct key_set *set = load();
    const struct key *key = key_set_by_id(set, id);
    slice_to_cstr(slice_from_cstr(key == NULL ? "" : key->name), name, sizeof(name));
    key_set_unref(set);
    return name;
}

static void names(void)
{
    char fits[KEY_NAME_SIZE] = "";
    char long_one[KEY_NAME_SIZE + 1] = "";
    memset(fits, 'a', KEY_NAME_SIZE - 5);
    memset(long_one, 'a', KEY_NAME_SIZE - 4);
    begin();
    EXPECT(obtain(fits, "", "", ""));
    EXPECT_INT(strlen(name_of(subject.scopes[SCOPE_KEY])), KEY_NAME_SIZE - 1);
    EXPECT(obtain(long_one, "", "", ""));
    EXPECT_INT(strlen(name_of(subject.scopes[SCOPE_KEY])), 28);
    EXPECT(obtain("a\nb", "", "", ""));
    EXPECT_INT(strlen(name_of(subject.scopes[SCOPE_KEY])), 28);
    /* the name of one issuer's subject is taken by another's */
    EXPECT(obtain("ann", "", "", ""));
    struct subject_order order = order_of("ann", "", "", "");
    order.issuer = SLICE("https://other.example");
    EXPECT(key_subject_obtain(ledger_path, &order, &tester, &subject, &made, &error));
    EXPECT_INT(strlen(name_of(subject.scopes[SCOPE_KEY])), 28);
    EXPECT_INT(ask("SELECT count(DISTINCT name) FROM keys"), 5);
    EXPECT_INT(ask("SELECT count(DISTINCT digest) FROM keys"), 5);
    end();
}

static void bad_scopes(void)
{
    begin();
    EXPECT(!obtain("ann", "a:b", "", ""));
    EXPECT_SLICE(slice_from_cstr(error.code), "bad_scope_name");
    EXPECT(obtain("x", "bob", "", "one") && obtain("y", "bob", "", "two"));
    EXPECT(!obtain("ann", "bob", "", ""));
    EXPECT_SLICE(slice_from_cstr(error.code), "scope_ambiguous");
    EXPECT_INT(ask("SELECT count(*) FROM keys WHERE name = 'jwt:ann'"), 0);
    end();
}

/* What a client may send as a secret never has the digest of a subject. */
static void no_secret_opens_it(void)
{
    unsigned older;
    char secret[KEY_TEXT_SIZE];
    struct key key;
    begin();
    const struct key_order order = {.name = SLICE("jwt:ann")};
    EXPECT(!key_create(ledger_path, &order, &tester, secret, &key, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "bad_key_name");
    EXPECT(obtain("ann", "", "", ""));
    EXPECT(!key_rotate(ledger_path, SLICE("jwt:ann"), 60, &tester, secret, &key, &older, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "key_of_subject");
    struct key_set *set = load();
    const struct key *found = NULL;
    static const char *const tries[] = {"jwt:ann", "ann", "jwt-", "", "https://id.example"};
    for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
        EXPECT_INT(key_set_check(set, slice_from_cstr(tries[i]), NOW, &found), KEY_UNKNOWN);
    }
    key_set_unref(set);
    end();
}

static void revoked_for_good(void)
{
    struct key key;
    begin();
    EXPECT(obtain("ann", "", "", ""));
    uint64_t id = subject.scopes[SCOPE_KEY];
    EXPECT(key_revoke(ledger_path, SLICE("jwt:ann"), &tester, &key, &error));
    EXPECT(obtain("ann", "", "red", "") && subject.scopes[SCOPE_KEY] == id);
    struct key_set *set = load();
    const struct subject_order order = order_of("ann", "", "", "");
    const struct key *found = key_set_subject(set, &order);
    EXPECT(found != NULL && key_state_at(found, NOW) == KEY_REVOKED);
    key_set_unref(set);
    end();
}

static bool is_revoked(const char *id)
{
    uint8_t digest[32];
    struct key_set *set = load();
    bool revoked =
        token_id_digest(slice_from_cstr(id), digest) && key_set_token_revoked(set, digest);
    key_set_unref(set);
    return revoked;
}

static const char *revoke_at(const char *id, int64_t expires_s, int64_t wall_s)
{
    struct key_actor actor = tester;
    actor.wall_ns = wall_s * NS_PER_S;
    error_clear(&error);
    return token_revoke(ledger_path, slice_from_cstr(id), expires_s, &actor, &error) ? ""
                                                                                     : error.code;
}

static void revoked_by_id(void)
{
    char name[16];
    begin();
    EXPECT(!is_revoked("a"));
    for (int i = 0; i < 300; i++) { /* (they are found by halves) */
        snprintf(name, sizeof(name), "t%d", i);
        EXPECT_SLICE(slice_from_cstr(revoke_at(name, 0, NOW)), "");
    }
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        EXPECT(i % 50 != 0 || is_revoked(name));
    }
    EXPECT(!is_revoked("t300") && !is_revoked("T1") && !is_revoked(""));
    EXPECT_SLICE(slice_from_cstr(revoke_at("", 0, NOW)), "bad_token_id");
    EXPECT_SLICE(slice_from_cstr(revoke_at("a\x01", 0, NOW)), "bad_token_id");
    end();
}

static void forgotten_when_it_ended(void)
{
    begin();
    EXPECT_SLICE(slice_from_cstr(revoke_at("short", NOW + 60, NOW)), "");
    EXPECT_SLICE(slice_from_cstr(revoke_at("longer", NOW + 60, NOW)), "");
    EXPECT_SLICE(slice_from_cstr(revoke_at("longer", NOW + 4000000, NOW)), "");
    EXPECT_SLICE(slice_from_cstr(revoke_at("longer", NOW + 30, NOW)), ""); /* the later end holds */
    EXPECT_SLICE(slice_from_cstr(revoke_at("ever", NOW + 60, NOW)), "");
    EXPECT_SLICE(slice_from_cstr(revoke_at("ever", 0, NOW)), "");
    char sql[96];
    snprintf(sql, sizeof(sql), "UPDATE state SET believed_ns = %lld",
             (long long)(NOW + 100 + TOKEN_KEPT_S) * NS_PER_S);
    EXPECT_SLICE(slice_from_cstr(revoke_at("x", 0, NOW + 61 + TOKEN_KEPT_S)), "");
    EXPECT(is_revoked("short")); /* by a clock that may be ahead */
    EXPECT(change(sql));
    EXPECT_SLICE(slice_from_cstr(revoke_at("x", 0, NOW + 60 + TOKEN_KEPT_S)), "");
    EXPECT(is_revoked("short"));
    EXPECT_SLICE(slice_from_cstr(revoke_at("x", 0, NOW + 61 + TOKEN_KEPT_S)), "");
    EXPECT(!is_revoked("short"));
    EXPECT(is_revoked("longer") && is_revoked("ever"));
    EXPECT_INT(ask("SELECT count(*) FROM audit WHERE action = 'token.revoke'"), 9);
    end();
}

static void not_by_a_part(void)
{
    begin();
    struct key_set *set = load();
    struct key administrator = {.role = KEY_ADMIN, .scopes = {[SCOPE_TEAM] = 1}};
    struct key_actor actor = tester;
    actor.set = set;
    actor.administrator = &administrator;
    EXPECT(!token_revoke(ledger_path, SLICE("a"), 0, &actor, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "exceeds_creator");
    administrator.scopes[SCOPE_TEAM] = 0;
    EXPECT(token_revoke(ledger_path, SLICE("a"), 0, &actor, &error));
    key_set_unref(set);
    EXPECT(is_revoked("a"));
    end();
}

int main(void)
{
    TEST(made_once, "a subject has one key, whatever its tokens say of teams");
    TEST(found_in_the_set, "the set knows a subject by issuer and name, and its scopes by name");
    TEST(names, "names of subjects that do not fit, or are taken, are digits");
    TEST(bad_scopes, "scopes that cannot be are refused, and nothing is made");
    TEST(no_secret_opens_it, "a subject's key has no secret, and its name is reserved");
    TEST(revoked_for_good, "a revoked subject stays revoked");
    TEST(revoked_by_id, "a token is revoked by its id");
    TEST(forgotten_when_it_ended, "its id is kept until the token has ended");
    TEST(not_by_a_part, "an administrator of a part revokes no tokens");
    return tap_done();
}
