// Runs before the cache for everything that a function answers.
//
// The functions need the viewer's host, but their URLs refuse any other Host
// than their own; so it travels in X-Forwarded-Host, which is part of the
// cache's key. They need the viewer's address, which CloudFront gives to origins
// only together with the viewer's Host; so it travels in X-Wikibot-Viewer.
// What the viewer sent under our own names, or CloudFront's, is dropped.
function handler(event) {
  var request = event.request;
  var headers = request.headers;
  for (var name in headers) {
    if (name.indexOf('x-wikibot-') === 0 || name.indexOf('cloudfront-') === 0) delete headers[name];
  }
  headers['x-forwarded-host'] = { value: headers.host ? headers.host.value.toLowerCase() : '' };
  headers['x-wikibot-viewer'] = { value: event.viewer.ip };
  return request;
}
