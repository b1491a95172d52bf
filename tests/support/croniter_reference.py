"""When cron lines are next due, by croniter and Python's zoneinfo.

Reads lines "AFTER ZONE CRON" (AFTER in seconds of Unix time) and prints the next due time of each, or
"never". The calendar is croniter's, asked with wall-clock times that know no zone; how such times
become moments is said by src/serve/schedule.h and done here once more, in another way.
"""
import datetime
import sys
import zoneinfo

from croniter import croniter
from croniter.croniter import CroniterBadDateError

DAY = datetime.timedelta(days=1)
MINUTE = datetime.timedelta(minutes=1)
UTC = datetime.timezone.utc


def walls(cron, after):
    """The wall-clock times of the line after a wall-clock time, in order."""
    fields = cron.split()
    either_day = not (fields[2].startswith("*") or fields[4].startswith("*"))
    # croniter takes a list of all days for "*", and so for no restriction; cron(8) looks at the text.
    expanded = croniter(cron).expanded
    if either_day and ["*"] in (expanded[2], expanded[4]):
        fields[2] = fields[4] = "*"
    times = croniter(" ".join(fields), after, day_or=either_day)
    while True:
        yield times.get_next(datetime.datetime)


def wall(moment, zone):
    return moment.astimezone(zone).replace(tzinfo=None)


def moment_of(time, zone):
    """The first moment at which clocks show `time`, or the end of the gap that it lies in."""
    while True:
        moment = time.replace(tzinfo=zone, fold=0).astimezone(UTC)
        if wall(moment, zone) == time:
            return moment
        time += MINUTE


def next_once_each(cron, zone, after):
    for time in walls(cron, wall(after, zone) - DAY):
        moment = moment_of(time, zone)
        if moment > after:
            return moment


def next_in_real_time(cron, zone, after):
    moment = after.replace(second=0)
    while True:
        moment += MINUTE
        # Nothing is due for days: go there, with a day left for changes of the clocks.
        time = next(walls(cron, wall(moment, zone) - MINUTE))
        far = time - 2 * DAY - wall(moment, zone)
        if far > DAY:
            moment += far
            continue
        if wall(moment, zone) == time:
            return moment
        # Minute by minute where clocks change on the way, else at once.
        there = moment + (time - wall(moment, zone))
        if len({m.astimezone(zone).utcoffset() for m in (moment, moment + (there - moment) / 2, there)}) == 1:
            return there


def main():
    for line in sys.stdin:
        epoch, zone_name, cron = line.rstrip("\n").split(" ", 2)
        zone = zoneinfo.ZoneInfo(zone_name)
        after = datetime.datetime.fromtimestamp(int(epoch), UTC)
        hours = croniter(cron).expanded[1]
        all_hours = hours == ["*"] or len(set(hours)) == 24
        try:
            due = (next_in_real_time if all_hours else next_once_each)(cron, zone, after)
            print(int(due.timestamp()))
        except CroniterBadDateError:
            print("never")


main()
