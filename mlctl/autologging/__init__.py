"""Training that logs itself: functions of a library are wrapped on request, and put back exactly on request."""
