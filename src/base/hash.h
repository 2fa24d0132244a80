/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashes of bytes. hash_keyed() is SipHash-1-3 under a per-process random key: for tables whose
 * keys come from outside. hash_stable() (FNV-1a, 64 bit, finalised) is the same in every process
 * and version: for tie-breaks, stable splits and file formats; not for tables with hostile keys.
 * crc32c() guards records on disk.
 */
#ifndef SLUICE_BASE_HASH_H
#define SLUICE_BASE_HASH_H

#include "base/slice.h"

uint64_t hash_keyed(struct slice s);
uint64_t hash_stable(struct slice s);
/* SipHash-1-3 under a given key, for tests and for keyed digests that must survive a restart. */
uint64_t hash_siphash13(const uint64_t key[2], struct slice s);
/* Chains: crc32c(crc32c(0, a), b) is the sum of a followed by b. */
uint32_t crc32c(uint32_t seed, const void *bytes, size_t len);
/* The same without special instructions. */
uint32_t crc32c_portable(uint32_t seed, const void *bytes, size_t len);

#endif
