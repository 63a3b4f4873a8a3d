from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from posts.models import Post


def index(request: HttpRequest) -> HttpResponse:
    return render(request, "posts/index.html", {"posts": Post.objects.order_by("-made")[:20]})


def health(request: HttpRequest) -> JsonResponse:
    Post.objects.exists()
    return JsonResponse({"status": "healthy"})
