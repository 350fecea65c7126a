/* CRC-64, eight bytes a step over eight tables (Kounavis and Berry 2005). The tables are constants
 * of the process, filled before main(). Any thread.
 */
#include "base/checksum.h"
#include <string.h>

enum { STEP = 8 };

/* 0xad93d23594c935a9 with its bits reversed. */
static const uint64_t polynomial = 0x95ac9329ac4bc9b5ULL;

static uint64_t tables[STEP][256];

__attribute__((constructor)) static void fill_tables(void)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        uint64_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (crc & 1 ? polynomial : 0);
        tables[0][byte] = crc;
    }
    for (unsigned byte = 0; byte < 256; byte++)
        for (int i = 1; i < STEP; i++) {
            uint64_t before = tables[i - 1][byte];
            tables[i][byte] = tables[0][before & 0xff] ^ (before >> 8);
        }
}

uint64_t checksum_crc64(uint64_t crc, const void *data, size_t size)
{
    const uint8_t *at = data;
    for (; size >= STEP; at += STEP, size -= STEP) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        crc ^= word;
        uint64_t next = 0;
        for (int i = 0; i < STEP; i++)
            next ^= tables[STEP - 1 - i][crc >> (8 * i) & 0xff];
        crc = next;
    }
    for (; size > 0; at++, size--)
        crc = tables[0][(crc ^ *at) & 0xff] ^ (crc >> 8);
    return crc;
}
