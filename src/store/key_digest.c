/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plain digest is enough: the secret has 256 random bits, so there is nothing that a slow
 * password hash would protect.
 */
#include "store/key_digest.h"

#include "base/memory.h"

#include <openssl/evp.h>

struct key_digester {
    EVP_MD *sha256;
};

struct key_digester *key_digester_new(void)
{
    struct key_digester *digester = memory_alloc(sizeof(*digester));
    if (digester == NULL) {
        return NULL;
    }
    digester->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (digester->sha256 == NULL) {
        memory_free(digester);
        return NULL;
    }
    return digester;
}

void key_digester_free(struct key_digester *digester)
{
    if (digester != NULL) {
        EVP_MD_free(digester->sha256);
        memory_free(digester);
    }
}

bool key_digest(const struct key_digester *digester, struct slice secret,
                uint8_t digest[KEY_DIGEST_SIZE])
{
    unsigned size = 0;
    return EVP_Digest(secret.ptr, secret.len, digest, &size, digester->sha256, NULL) == 1 &&
           size == KEY_DIGEST_SIZE;
}
