# Runs after the blocks of the page, among their names: the middleware attaches, and a failed request leaves nothing behind.
from django.http import HttpRequest, HttpResponse
from shop.session import AttachSession


def request(token, view):
    asked = HttpRequest()
    if token:
        asked.COOKIES["vpd_session"] = token
    return AttachSession(view)(asked)


def read(asked):
    return HttpResponse(Customer.objects.get(name="Ann").ssn)


assert request(manager, read).content.decode() == "987-65-4321"
assert request(clerk, read).content.decode() == "•••"
assert request(None, read).content.decode() == "•••"

for status, left in [(500, "987-65-4321"), (200, "000-00-0000")]:

    def change(asked):
        Customer.objects.filter(name="Ann").update(ssn="000-00-0000")
        return HttpResponse(status=status)

    request(manager, change)
    assert request(manager, read).content.decode() == left, status
