#include "common/pkg/config_label_scalar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct date {
    unsigned year;
    unsigned month;
    unsigned day;
    unsigned hour;
    unsigned minute;
    unsigned second;
    char     fraction[10]; /* digits, without zeros at the end */
    int      zone_minutes; /* east of Greenwich */
};

static bool take(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

static bool take_digits(const char **at, size_t least, size_t most, unsigned *out)
{
    size_t count = strspn(*at, "0123456789");

    if (count < least)
        return false;
    *out = 0;
    for (size_t i = 0; i < count && i < most; i++)
        *out = *out * 10 + (unsigned)(*(*at)++ - '0');
    return true;
}

static unsigned days_in(unsigned year, unsigned month)
{
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    if (month == 2)
        return is_leap ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static bool take_day(const char **at, struct date *out)
{
    return take_digits(at, 4, 4, &out->year) && take(at, '-') &&
           take_digits(at, 1, 2, &out->month) && take(at, '-') &&
           take_digits(at, 1, 2, &out->day) && out->month >= 1 && out->month <= 12 &&
           out->day >= 1 && out->day <= days_in(out->year, out->month);
}

/* Digits beyond nanoseconds are passed over. */
static void take_fraction(const char **at, struct date *out)
{
    size_t count;

    if (**at != '.' && **at != ',')
        return;
    count = strspn(*at + 1, "0123456789");
    if (count == 0)
        return;
    snprintf(out->fraction, sizeof(out->fraction), "%.*s", (int)(count < 9 ? count : 9),
             *at + 1);
    *at += 1 + count;
    for (size_t len = strlen(out->fraction); len > 0 && out->fraction[len - 1] == '0'; len--)
        out->fraction[len - 1] = '\0';
}

static bool take_time(const char **at, struct date *out)
{
    if (!take_digits(at, 1, 2, &out->hour) || !take(at, ':') ||
        !take_digits(at, 1, 2, &out->minute) || !take(at, ':') ||
        !take_digits(at, 1, 2, &out->second) || out->hour > 23 || out->minute > 59 ||
        out->second > 59)
        return false;
    take_fraction(at, out);
    return true;
}

static bool take_zone(const char **at, struct date *out)
{
    unsigned hours;
    unsigned minutes;
    bool     is_west = **at == '-';

    if (take(at, 'Z'))
        return true;
    if ((!take(at, '+') && !take(at, '-')) || !take_digits(at, 2, 2, &hours) ||
        !take(at, ':') || !take_digits(at, 2, 2, &minutes) || minutes > 60 ||
        hours * 60 + minutes >= 24 * 60)
        return false;
    out->zone_minutes = (int)(hours * 60 + minutes) * (is_west ? -1 : 1);
    return true;
}

/* A "T" needs a zone, a blank forbids it. */
static bool parse(const char *at, struct date *out)
{
    if (!take_day(&at, out))
        return false;
    if (take(&at, 'T') || take(&at, 't'))
        return take_time(&at, out) && take_zone(&at, out) && *at == '\0';
    if (*at != ' ')
        return *at == '\0';
    at += strspn(at, " ");
    return take_time(&at, out) && *at == '\0';
}

bool lk_scalar_parse_date(const char *text, char out[LK_SCALAR_TEXT_SIZE])
{
    struct date date = { 0 };
    char        zone[16] = "Z";

    if (!parse(text, &date))
        return false;
    if (date.zone_minutes != 0)
        snprintf(zone, sizeof(zone), "%c%02d:%02d", date.zone_minutes < 0 ? '-' : '+',
                 abs(date.zone_minutes) / 60, abs(date.zone_minutes) % 60);
    snprintf(out, LK_SCALAR_TEXT_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u%s%s%s", date.year,
             date.month, date.day, date.hour, date.minute, date.second,
             date.fraction[0] ? "." : "", date.fraction, zone);
    return true;
}
