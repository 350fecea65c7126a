/* base/secret: bytes of any kind, kept and given back. */
#include "base/memory.h"
#include "base/secret.h"
#include <criterion/criterion.h>

Test(secret, nothing_is_null)
{
    cr_assert_null(secret_create(BYTES_LITERAL("")));
    cr_assert_eq(secret_bytes(NULL).size, 0);
    cr_assert_not_null(secret_bytes(NULL).data);
    secret_free(NULL);
}

Test(secret, any_byte_is_kept)
{
    char all[256];
    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    struct secret *secret = secret_create(bytes_of(all, sizeof all));
    memset(all, 0, sizeof all / 2);
    struct bytes bytes = secret_bytes(secret);
    cr_assert_eq(bytes.size, 256);
    for (int i = 0; i < 256; i++)
        cr_assert_eq(bytes.data[i], (char)i);
    secret_free(secret);
}
