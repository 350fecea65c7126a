/* See info_text.h. */
#include "tools/cli/info_text.h"

#include "base/number.h"
#include <stdio.h>
#include <stdlib.h>

struct bytes info_field(const char *info, const char *name)
{
    size_t size = strlen(name);
    for (const char *line = info; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, size) == 0 && line[size] == ':')
            return bytes_of(line + size + 1, strcspn(line + size + 1, "\r\n"));
    }
    return bytes_of(NULL, 0);
}

/* Up to the first of the two that ends a number. */
static struct bytes number_text(struct bytes text)
{
    size_t size = 0;
    while (size < text.size && text.data[size] != ',' && text.data[size] != ' ')
        size++;
    return bytes_of(text.data, size);
}

int64_t info_number(const char *info, const char *name)
{
    int64_t value;
    struct bytes field = info_field(info, name);
    return field.data && number_parse_i64(number_text(field), &value) ? value : 0;
}

double info_decimal(const char *info, const char *name)
{
    double value;
    struct bytes field = info_field(info, name);
    return field.data && number_parse_double(number_text(field), &value) ? value : 0;
}

int64_t info_part(struct bytes value, const char *name)
{
    size_t size = strlen(name);
    int64_t number;
    while (value.size > 0) {
        const char *end = memchr(value.data, ',', value.size);
        size_t part_size = end ? (size_t)(end - value.data) : value.size;
        if (part_size > size && memcmp(value.data, name, size) == 0 && value.data[size] == '=')
            return number_parse_i64(bytes_of(value.data + size + 1, part_size - size - 1), &number)
                       ? number
                       : 0;
        part_size += end != NULL;
        value = bytes_of(value.data + part_size, value.size - part_size);
    }
    return 0;
}

int64_t info_key_count(const char *info)
{
    int64_t sum = 0;
    for (const char *line = info; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        size_t digits = strncmp(line, "db", 2) == 0 ? strspn(line + 2, "0123456789") : 0;
        const char *keys = line + 2 + digits;
        int64_t value;
        if (digits == 0 || strncmp(keys, ":keys=", 6) != 0)
            continue;
        if (number_parse_i64(bytes_of(keys + 6, strcspn(keys + 6, ",\r\n")), &value))
            sum += value;
    }
    return sum;
}

void info_format_memory(char *text, size_t size, int64_t bytes)
{
    double number = (double)bytes;
    static const char units[] = "BKMG";
    int unit = 0;
    for (; number >= 1024 && unit < 3; unit++)
        number /= 1024;
    if (unit == 0)
        snprintf(text, size, "%lldB", (long long)bytes);
    else
        snprintf(text, size, "%.2f%c", number, units[unit]);
}
