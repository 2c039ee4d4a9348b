"""A feed as an iCalendar file (RFC 5545), in the form that Outlook, Google and Apple subscribe to."""

from datetime import UTC, datetime, timedelta

from icalendar import Calendar, Event, vDuration, vText

from service.flows.rota_feeds import Entry, Feed

MEDIA_TYPE = "text/calendar; charset=utf-8"
REFRESH = timedelta(hours=1)


def render(feed: Feed) -> bytes:
    """The whole file: instants in UTC, so that no client needs our time zone; lines folded at 75 octets.

    Outlook looks for METHOD, X-WR-CALNAME and X-PUBLISHED-TTL; RFC 7986 has NAME and REFRESH-INTERVAL for the same.
    """
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", "-//Callout//Rotas//EN")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("name", feed.name)
    calendar.add("x-wr-calname", vText(feed.name))
    calendar.add("x-wr-timezone", feed.zone)
    calendar.add("refresh-interval", vDuration(REFRESH), parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")
    for entry in feed.entries:
        calendar.add_component(_event(entry, feed.stamped_at))
    return bytes(calendar.to_ical())


def _event(entry: Entry, stamped_at: datetime) -> Event:
    event = Event()
    event.add("uid", entry.uid)
    event.add("dtstamp", stamped_at.astimezone(UTC).replace(microsecond=0))
    event.add("dtstart", entry.starts_at.astimezone(UTC))
    event.add("dtend", entry.ends_at.astimezone(UTC))
    event.add("sequence", 0)
    event.add("summary", entry.summary)
    if entry.description:
        event.add("description", entry.description)
    event.add("status", "CONFIRMED")
    # On call is not busy: nobody's diary should refuse meetings for a whole week.
    event.add("transp", "TRANSPARENT")
    event.add("x-microsoft-cdo-busystatus", "FREE")
    return event
