/* Check values of the CRC, and that pieces give what the whole gives. */
#include "base/checksum.h"
#include <criterion/criterion.h>
#include <string.h>

Test(checksum, crc64_check_value)
{
    cr_assert_eq(checksum_crc64(0, "123456789", 9), 0xe9c6d914c4b8d9caULL);
    cr_assert_eq(checksum_crc64(0, "", 0), 0);
}

Test(checksum, crc64_of_pieces)
{
    char text[300];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)(i * 7);
    uint64_t whole = checksum_crc64(0, text, sizeof(text));
    for (size_t cut = 0; cut <= sizeof(text); cut++) {
        uint64_t crc = checksum_crc64(0, text, cut);
        cr_assert_eq(checksum_crc64(crc, text + cut, sizeof(text) - cut), whole);
    }
}
