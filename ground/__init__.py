"""What gateway, tools and rig stand on alike: text in, text out, what people type, folders. It imports none of them."""
